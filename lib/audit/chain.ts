/**
 * The chain that a log's lines make, and the signed heads that fix its end. A line is a JSON object
 * in UTF-8 ended by a newline; its hash is SHA-256 over its exact bytes without the newline; each
 * line holds the hash of the one before as `prev`, over the borders of files.
 */

/** SHA-256 as 64 hex digits; handed in, since this room has no cryptography of its own. */
export type Sha256Hex = (bytes: Uint8Array) => string;

/** `prev` of the first line of a log. */
export const noHash = "0".repeat(64);

/** Where a chain ends. */
export interface ChainEnd {
  /** 0 for a log without lines. */
  readonly seq: number;
  readonly hash: string;
}

/** What a checkpoint says: the log had this line at this moment. */
export interface Head {
  readonly v: 1;
  readonly cluster: string;
  readonly log: string;
  readonly seq: number;
  readonly hash: string;
  /** RFC 3339. */
  readonly time: string;
  /** The file that holds the line. */
  readonly file: string;
}

/** Signs heads with the key of the `audit` certificate authority. */
export interface HeadSigner {
  /** Names the key, for example `sha256:<hex of its SPKI>`. */
  readonly key: string;
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** Whether a signature is one of the audit authority's. */
export type HeadVerifier = (
  bytes: Uint8Array,
  signature: Uint8Array,
  key: string,
) => Promise<boolean>;

const encoder = new TextEncoder();

/**
 * A head as it is kept and exported, one line of JSON: `{"head": "<JSON text>", "key",
 * "signature"}`.
 * The signature (base64) is over `remoteler audit head v1`, a newline and the head's text.
 */
export async function signHead(head: Head, signer: HeadSigner): Promise<string> {
  const text = JSON.stringify(head);
  const signature = await signer.sign(signedBytes(text));
  return JSON.stringify({ head: text, key: signer.key, signature: signature.toBase64() });
}

export type HeadReading =
  | { readonly ok: true; readonly head: Head }
  | { readonly ok: false; readonly why: string };

/** Reads a signed head; with `verify` null its signature is not checked. */
export async function readHead(line: string, verify: HeadVerifier | null): Promise<HeadReading> {
  const outer = parseObject(line);
  const { head: text, key, signature } = { head: null, key: null, signature: null, ...outer };
  if (typeof text !== "string" || typeof key !== "string" || typeof signature !== "string") {
    return { ok: false, why: "not a signed head" };
  }
  const head = toHead(parseObject(text));
  if (head === null) return { ok: false, why: "not a head" };
  if (verify !== null) {
    const bytes = decodeBase64(signature);
    if (bytes === null || !await verify(signedBytes(text), bytes, key)) {
      return { ok: false, why: `its signature is not the audit authority's (seq ${head.seq})` };
    }
  }
  return { ok: true, head };
}

function signedBytes(text: string): Uint8Array {
  return encoder.encode(`remoteler audit head v1\n${text}`);
}

function toHead(from: object | null): Head | null {
  const missing = { v: 0, cluster: 0, log: 0, seq: -1, hash: 0, time: 0, file: 0 };
  const { v, cluster, log, seq, hash, time, file } = { ...missing, ...from };
  const texts = typeof cluster === "string" && typeof log === "string" &&
    typeof hash === "string" && typeof time === "string" && typeof file === "string";
  if (v !== 1 || !texts || !Number.isSafeInteger(seq) || seq < 0) return null;
  return { v, cluster, log, seq, hash, time, file };
}

/** The object that a JSON text holds, or null. */
export function parseObject(json: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(json);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function decodeBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return null;
  }
}
