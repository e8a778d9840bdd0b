import { ok } from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { createHash, createPrivateKey } from "node:crypto";
import { deepStrictEqual } from "node:assert/strict";
import { signByPassword } from "./ed25519.ts";

const message = new Uint8Array(32).fill(7);

/** RFC 8410: a key whose seed is these 32 bytes. */
function keyOf(seed: Uint8Array): ReturnType<typeof createPrivateKey> {
  const head = Uint8Array.fromHex("302e020100300506032b657004220420");
  const der = new Uint8Array([...head, ...seed]);
  const key = Buffer.from(der);
  return createPrivateKey({ key, format: "der", type: "pkcs8" });
}

Deno.test("a password of 32 bytes signs as the key of that seed does", async () => {
  const password = "0123456789abcdefghijklmnopqrstuv";
  const key = keyOf(new TextEncoder().encode(password));
  const signature = await signByPassword(password, message);
  ok(verify(null, message, createPublicKey(key), signature));
});

Deno.test("a password of another length signs too, and differently for each message", async () => {
  const a = await signByPassword("secret", message);
  deepStrictEqual(a.length, 64);
  const b = await signByPassword("secret", new Uint8Array(32));
  ok(createHash("sha256").update(a).digest("hex") !== createHash("sha256").update(b).digest("hex"));
});
