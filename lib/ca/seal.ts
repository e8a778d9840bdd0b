/**
 * Secrets at rest: text sealed under a passphrase.
 *
 * Form: `rsk1.<log2 N>.<salt>.<nonce>.<ciphertext and tag>`, the last three base64url. Key: scrypt
 * (RFC 7914) with N, r = 8, p = 1 over the passphrase (UTF-8, NFC) and 16 bytes of salt; cipher:
 * AES-256-GCM, 12 bytes of nonce, 16 of tag, with everything before the nonce as additional data.
 * (node:crypto's encrypted PKCS#8 would use PBKDF2 with a count that can't be set.)
 */
import { createCipheriv, createDecipheriv, scryptSync } from "node:crypto";
import { Fault } from "../core/fault.ts";
import type { Random } from "../core/random.ts";

const prefix = "rsk1";
const costExponent = 15;
const tagBytes = 16;

export function isSealed(text: string): boolean {
  return text.startsWith(`${prefix}.`);
}

/** Takes about 0.1 s by design. */
export function seal(text: string, passphrase: string, random: Random): string {
  const head = `${prefix}.${costExponent}.${base64url(random.bytes(16))}`;
  const nonce = random.bytes(12);
  const cipher = createCipheriv("aes-256-gcm", derive(head, passphrase), nonce);
  cipher.setAAD(encoder.encode(head));
  const body = joined(cipher.update(encoder.encode(text)), cipher.final(), cipher.getAuthTag());
  return `${head}.${base64url(nonce)}.${base64url(body)}`;
}

/** Throws a Fault `ca.wrong-passphrase` for a wrong passphrase and for altered text alike. */
export function unseal(sealed: string, passphrase: string): string {
  const parts = sealed.split(".");
  const [nonce, body] = parts.slice(3).map(fromBase64url);
  if (parts.length !== 5 || nonce?.length !== 12 || !body || body.length < tagBytes) {
    throw damaged();
  }
  const head = parts.slice(0, 3).join(".");
  const decipher = createDecipheriv("aes-256-gcm", derive(head, passphrase), nonce);
  decipher.setAAD(encoder.encode(head));
  decipher.setAuthTag(body.subarray(body.length - tagBytes));
  try {
    const text = joined(
      decipher.update(body.subarray(0, body.length - tagBytes)),
      decipher.final(),
    );
    return new TextDecoder("utf-8", { fatal: true }).decode(text);
  } catch {
    throw new Fault({
      kind: "unavailable",
      code: "ca.wrong-passphrase",
      message: "a sealed private key does not open: wrong passphrase, or the key was altered",
      hint: "check the passphrase that the configuration names",
    });
  }
}

const encoder = new TextEncoder();

function derive(head: string, passphrase: string): Uint8Array {
  const [, exponent, salt] = head.split(".");
  // Only what seal() writes, or has written: a stored text can't ask for unbounded memory.
  if (exponent !== String(costExponent) || salt === undefined) throw damaged();
  return new Uint8Array(
    scryptSync(encoder.encode(passphrase.normalize("NFC")), fromBase64url(salt), 32, {
      N: 2 ** costExponent,
      r: 8,
      p: 1,
      maxmem: 64 * 1024 * 1024,
    }),
  );
}

function damaged(): Fault {
  return new Fault({
    kind: "unavailable",
    code: "ca.bad-seal",
    message: "a sealed private key is damaged",
  });
}

function base64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

function fromBase64url(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text, { alphabet: "base64url" });
  } catch {
    throw damaged();
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
