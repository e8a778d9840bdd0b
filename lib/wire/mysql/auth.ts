import { createHash } from "node:crypto";
import type { Handshake } from "../protocol.ts";
import { asBytes, asText } from "../reply.ts";
import { UpstreamRefused } from "../upstream_refused.ts";
import { wireError } from "./packet.ts";

const nothing = new Uint8Array(0);
const encoder = new TextEncoder();

/** One way to prove a password ("Authentication Methods"). */
interface Method {
  /** The first answer; `nonce` is the server's. */
  readonly prove: (nonce: Uint8Array) => Handshake<Uint8Array>;
  /** What to answer to further data of the server; null: nothing. */
  readonly more?: (data: Uint8Array) => Handshake<Uint8Array | null>;
}

function* password(inClear: boolean): Handshake<string> {
  const text = asText(yield { do: "secret", kind: "password", inClear });
  if (!text.includes("\0")) return text;
  throw new UpstreamRefused("mysql", "1045", "28000", "the stored password holds a NUL");
}

/** As it is, and a NUL. Inside TLS only, which the driver knows to be verified. */
function* clear(): Handshake<Uint8Array> {
  return encoder.encode(`${yield* password(true)}\0`);
}

function digest(name: "sha1" | "sha256", ...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash(name);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, at) => byte ^ (b[at] ?? 0));
}

/** SHA1(password) XOR SHA1(nonce, SHA1(SHA1(password))). */
function* native(nonce: Uint8Array): Handshake<Uint8Array> {
  const known = encoder.encode(yield* password(false));
  if (known.length === 0) return nothing;
  const once = digest("sha1", known);
  return xor(once, digest("sha1", nonce, digest("sha1", once)));
}

/** SHA256(password) XOR SHA256(SHA256(SHA256(password)), nonce). */
function* cachingSha2(nonce: Uint8Array): Handshake<Uint8Array> {
  const known = encoder.encode(yield* password(false));
  if (known.length === 0) return nothing;
  const once = digest("sha256", known);
  return xor(once, digest("sha256", digest("sha256", once), nonce));
}

const FAST_DONE = 3;
const FULL = 4;

/** The server knows the password by heart, or wants it as it is, which TLS allows. */
function* cachingSha2More(data: Uint8Array): Handshake<Uint8Array | null> {
  if (data.length === 1 && data[0] === FAST_DONE) return null;
  if (data.length === 1 && data[0] === FULL) return yield* clear();
  throw wireError("malformed", "AuthMoreData", "neither done nor full");
}

function* ed25519(nonce: Uint8Array): Handshake<Uint8Array> {
  if (nonce.length !== 32) throw wireError("malformed", "AuthSwitchRequest", "nonce not 32 bytes");
  const known = yield* password(false);
  return asBytes(yield { do: "ed25519", password: known, message: nonce });
}

const methods: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["mysql_native_password", { prove: native }],
  ["caching_sha2_password", { prove: cachingSha2, more: cachingSha2More }],
  ["sha256_password", { prove: clear }],
  ["mysql_clear_password", { prove: clear }],
  ["client_ed25519", { prove: ed25519 }],
]);

export function isKnownMethod(plugin: string): boolean {
  return methods.has(plugin);
}

/** Answers a server that asks for a proof by `plugin`; empty where there is no password. */
export function* prove(
  plugin: string,
  nonce: Uint8Array,
  hasPassword: boolean,
): Handshake<Uint8Array> {
  const method = methods.get(plugin);
  if (method === undefined) {
    const shown = plugin.replaceAll(/[^\w.-]/g, "?").slice(0, 64);
    const words = `the database asks for an authentication method that is not supported (${shown})`;
    throw new UpstreamRefused("mysql", "2059", "HY000", words);
  }
  if (!hasPassword) return nothing;
  return yield* method.prove(nonce);
}

/** Answers further data of the method; null: nothing is to be said. */
export function* proveMore(plugin: string, data: Uint8Array): Handshake<Uint8Array | null> {
  const more = methods.get(plugin)?.more;
  if (more === undefined) throw wireError("unexpected", "AuthMoreData", "not asked for");
  return yield* more(data);
}
