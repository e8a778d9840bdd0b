import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { asBytes } from "./reply.ts";
import type { Handshake } from "./protocol.ts";
import type { WireError } from "./wire_error.ts";

/** What the two parts of a SCRAM login (RFC 5802, RFC 7677) need to know. */
export interface ScramRequest {
  readonly hash: "SHA-256" | "SHA-1";
  /** Empty where the protocol says who it is elsewhere, as PostgreSQL does. */
  readonly user: string;
  readonly password: string;
  readonly nonce: Uint8Array;
  /** Makes the error of the protocol at hand. */
  readonly fail: (detail: string) => WireError;
}

/** A login under way: the first message, then answers to the server's. */
export interface ScramClient {
  readonly first: string;
  /** The client-final-message for the server-first-message; runs PBKDF2 as a step. */
  final(serverFirst: string): Handshake<string>;
  /** Throws unless the server proved that it knows the password too. */
  verify(serverFinal: string): void;
}

/** Iterations beyond this would only burn our time; servers use 4,096 to some 100,000. */
const MAX_ITERATIONS = 1_000_000;

const encoder = new TextEncoder();

/** Client side of SCRAM without channel binding: TLS to the database ends here and was verified. */
export function scramClient(request: ScramRequest): ScramClient {
  const nonce = toBase64(request.nonce);
  const firstBare = `n=${saslName(request.user)},r=${nonce}`;
  let expected: Uint8Array | null = null;
  return {
    first: `n,,${firstBare}`,
    *final(serverFirst: string): Handshake<string> {
      const server = readServerFirst(serverFirst, nonce, request.fail);
      const salted = asBytes(
        yield {
          do: "pbkdf2",
          hash: request.hash,
          password: saslPrep(request.password),
          salt: server.salt,
          iterations: server.iterations,
          bytes: request.hash === "SHA-256" ? 32 : 20,
        },
      );
      const withoutProof = `c=biws,r=${server.nonce}`;
      const signed = `${firstBare},${serverFirst},${withoutProof}`;
      const clientKey = hmac(request.hash, salted, "Client Key");
      const storedKey = digest(request.hash, clientKey);
      const proof = xor(clientKey, hmac(request.hash, storedKey, signed));
      expected = hmac(request.hash, hmac(request.hash, salted, "Server Key"), signed);
      return `${withoutProof},p=${toBase64(proof)}`;
    },
    verify(serverFinal: string): void {
      const given = /^v=([A-Za-z0-9+/=]+)(?:,|$)/.exec(serverFinal)?.[1];
      const bytes = given === undefined ? null : fromBase64(given);
      if (expected === null || bytes === null || bytes.length !== expected.length) {
        throw request.fail("no server signature");
      }
      if (!timingSafeEqual(bytes, expected)) throw request.fail("wrong server signature");
    },
  };
}

interface ServerFirst {
  readonly nonce: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
}

function readServerFirst(
  text: string,
  clientNonce: string,
  fail: (detail: string) => WireError,
): ServerFirst {
  const found = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9][0-9]{0,8})(?:,|$)/
    .exec(text);
  const [, nonce = "", saltText = "", iterationsText = ""] = found ?? [];
  const salt = fromBase64(saltText);
  if (found === null || salt === null) throw fail("malformed server-first-message");
  if (!nonce.startsWith(clientNonce) || nonce.length === clientNonce.length) {
    throw fail("server nonce does not extend ours");
  }
  const iterations = Number(iterationsText);
  if (iterations > MAX_ITERATIONS) throw fail(`${iterations} iterations`);
  return { nonce, salt, iterations };
}

/**
 * SASLprep (RFC 4013) as far as it changes a password: other spaces become a space, what maps to
 * nothing goes, then NFKC. As PostgreSQL does, a password that cannot be prepared is used as it is.
 */
export function saslPrep(password: string): string {
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(password)) return password;
  const mapped = password
    .replace(/[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g, " ")
    .replace(/[\u00ad\u034f\u1806\u180b-\u180d\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]/g, "")
    .normalize("NFKC");
  return mapped === "" || /[\p{Cc}\p{Cs}\p{Co}]/u.test(mapped) ? password : mapped;
}

function saslName(user: string): string {
  return user.replaceAll("=", "=3D").replaceAll(",", "=2C");
}

function hmac(hash: string, key: Uint8Array, data: string): Uint8Array {
  return createHmac(nodeName(hash), key).update(encoder.encode(data)).digest();
}

function digest(hash: string, data: Uint8Array): Uint8Array {
  return createHash(nodeName(hash)).update(data).digest();
}

function nodeName(hash: string): string {
  return hash === "SHA-256" ? "sha256" : "sha1";
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, at) => byte ^ (b[at] ?? 0));
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function fromBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}
