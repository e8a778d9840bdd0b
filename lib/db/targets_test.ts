import assert from "node:assert/strict";
import { postgres } from "../wire/postgres/mod.ts";
import { readTargets } from "./targets.ts";

const config = { name: "orders", protocol: "postgres" };

for (
  const [uri, host, port, shown] of [
    ["db.internal:5433", "db.internal", 5433, "db.internal:5433"],
    ["db.internal", "db.internal", 5432, "db.internal:5432"],
    ["[2001:db8::1]:5432", "2001:db8::1", 5432, "[2001:db8::1]:5432"],
  ] as const
) {
  Deno.test(`readTargets() takes ${uri}`, () => {
    const target = readTargets([{ ...config, uri }], [postgres]).get("orders");
    assert.equal(target?.host, host);
    assert.equal(target?.port, port);
    assert.equal(target?.resource.spec.uri, shown);
    assert.equal(target?.mode, "verify-full");
    assert.equal(target?.serverName, host);
  });
}

for (
  const [what, wrong, says] of [
    ["a URL with a user", { uri: "root@db:1" }, /host:port/],
    ["a port out of range", { uri: "db:70000" }, /host:port/],
    ["an unknown protocol", { uri: "db", protocol: "cobol" }, /cobol/],
  ] as const
) {
  Deno.test(`readTargets() refuses ${what}`, () => {
    assert.throws(() => readTargets([{ ...config, ...wrong }], [postgres]), says);
  });
}

Deno.test("readTargets() refuses a name that is there twice", () => {
  const one = { ...config, uri: "db" };
  assert.throws(() => readTargets([one, one], [postgres]), /twice/);
});
