/**
 * CA pins: how a joining service or `tsh` knows the cluster's host CA before it trusts anything.
 */
import { createHash } from "node:crypto";
import { Fault } from "../core/fault.ts";
import type { Certificate } from "./certificate.ts";

/** `sha256:<lower-case hex>` of the certificate's SubjectPublicKeyInfo. */
export function caPin(certificate: Certificate): string {
  return `sha256:${createHash("sha256").update(certificate.spki).digest("hex")}`;
}

/** A pin as somebody typed it, in the form of {@linkcode caPin}; throws a Fault `ca.bad-pin`. */
export function readPin(text: string): string {
  const pin = text.trim().toLowerCase();
  if (/^sha256:[0-9a-f]{64}$/.test(pin)) return pin;
  throw new Fault({
    kind: "invalid",
    code: "ca.bad-pin",
    message: "a CA pin is sha256: and 64 hexadecimal digits",
    shown: "a CA pin is sha256: and 64 hexadecimal digits",
    hint: "`remoteler status` on the Auth Service's host prints it",
  });
}
