/**
 * A peer broke a protocol. Carries names, lengths and offsets, never content.
 * `code` is stable: `truncated`, `oversize`, `malformed`, `unexpected`, `unsupported`.
 */
export class WireError extends Error {
  override readonly name = "WireError";
  readonly protocol: string;
  readonly code: WireErrorCode;
  /** The protocol's own name of the message that could not be read. */
  readonly messageName: string;

  constructor(protocol: string, code: WireErrorCode, messageName: string, detail: string) {
    super(`${protocol}: ${messageName}: ${detail}`);
    this.protocol = protocol;
    this.code = code;
    this.messageName = messageName;
  }
}

export type WireErrorCode = "truncated" | "oversize" | "malformed" | "unexpected" | "unsupported";
