/** A way from a client to the database, running and ready to be measured. */

export const pathNames = [
  "direct",
  "native",
  "tsh",
  "forwarder",
  "pgbouncer",
  "stunnel",
  "chisel",
] as const;
export type PathName = typeof pathNames[number];

export interface Path {
  readonly name: PathName;
  /** libpq's variables. */
  readonly env: Readonly<Record<string, string>>;
  /** Processes between client and database, whose CPU counts. */
  readonly pids: readonly number[];
  /** Does the client speak TLS to the path? Not to a tunnel's plain local port. */
  readonly clientTls: boolean;
  /** Processes that also work because of it and are named apart (audit). */
  readonly alsoPids?: readonly number[];
  stop(): Promise<void>;
}

/** A path that isn't there, and why. */
export interface Missing {
  readonly name: PathName;
  readonly why: string;
}

export function isMissing(path: Path | Missing): path is Missing {
  return "why" in path;
}
