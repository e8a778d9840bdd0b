/** Shapes that many calls of the contract share. */
import { v } from "../schema/mod.ts";

export const base64 = v.pipe(v.string(), v.maxLength(1 << 20), v.base64("base64"));
export const words = v.pipe(v.string(), v.maxLength(1024));
/** A database's own name for a user or a database; what a route can hold. */
export const databaseName = v.pipe(
  words,
  v.check((name) => /^\P{Cc}+$/u.test(name), "a name without control characters"),
);
export const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** Certificates as DER in base64: the leaf first, then what leads to its CA. */
export const chain = v.pipe(v.array(base64), v.minLength(1), v.maxLength(4));
/** What a caller gets back for a CSR. */
export const issued = v.strictObject({
  chain,
  /** RFC 3339; the certificate is useless after it. */
  expires: v.string(),
});
