/** PEM (RFC 7468) as this project writes it, and as certificate files in the field look. */
import { Fault } from "../core/fault.ts";

/** One block. */
export function pem(label: string, der: Uint8Array): string {
  const lines = der.toBase64().replaceAll(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

/** A chain as PEM, one block for each certificate. */
export function certificatePem(...ders: readonly Uint8Array[]): string {
  return ders.map((der) => pem("CERTIFICATE", der)).join("");
}

const maxPemLength = 256 * 1024;

/** The DER of every block with this label, in order; text around blocks is passed over. */
export function readPem(text: string, label: string): Uint8Array[] {
  if (text.length > maxPemLength) throw pemFault(`is larger than ${maxPemLength} bytes`);
  const [begin, end] = [`-----BEGIN ${label}-----`, `-----END ${label}-----`];
  const found: Uint8Array[] = [];
  for (let at = text.indexOf(begin); at >= 0; at = text.indexOf(begin, at)) {
    const stop = text.indexOf(end, at);
    if (stop < 0) throw pemFault("has a block without an end");
    try {
      found.push(Uint8Array.fromBase64(text.slice(at + begin.length, stop)));
    } catch {
      throw pemFault("has a block that is not base64");
    }
    at = stop + end.length;
  }
  return found;
}

function pemFault(what: string): Fault {
  return new Fault({
    kind: "invalid",
    code: "ca.bad-pem",
    message: `the PEM text ${what}`,
    shown: `the PEM text ${what}`,
  });
}
