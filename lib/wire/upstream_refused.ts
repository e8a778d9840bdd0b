/**
 * The database did not let us in, or cannot be used as we need it. `message` is the database's own
 * text where it gave one: it may be shown to the user.
 */
export class UpstreamRefused extends Error {
  override readonly name = "UpstreamRefused";
  readonly protocol: string;
  /** The database's own code (an SQLSTATE in PostgreSQL); where it gave none, the one that fits. */
  readonly code: string;
  /** As the database graded it: "FATAL", "ERROR". */
  readonly severity: string;

  constructor(protocol: string, code: string, severity: string, message: string) {
    super(message);
    this.protocol = protocol;
    this.code = code;
    this.severity = severity;
  }
}
