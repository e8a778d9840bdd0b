import assert from "node:assert/strict";
import { Fault } from "../../core/fault.ts";
import { passwordFor } from "./mod.ts";

const stored = { keyPair: null, password: () => Promise.resolve("hush") };
const none = { keyPair: { chain: "", key: "" }, password: null };
const code = (expected: string) => (thrown: unknown) =>
  thrown instanceof Fault && thrown.code === expected && !thrown.message.includes("hush");

Deno.test("a password in clear text needs verified TLS, a proof of it does not", async () => {
  for (const mode of ["verify-full", "verify-ca"] as const) {
    assert.equal(await passwordFor({ inClear: true }, stored, mode), "hush");
  }
  assert.equal(await passwordFor({ inClear: false }, stored, "insecure"), "hush");
  await assert.rejects(
    passwordFor({ inClear: true }, stored, "insecure"),
    code("db.clear-password"),
  );
});

Deno.test("a database that asks for a password where there is none is told apart", async () => {
  await assert.rejects(
    passwordFor({ inClear: false }, none, "verify-full"),
    code("db.no-password"),
  );
});
