import assert from "node:assert/strict";
import { read, v } from "../schema/mod.ts";
import { catalog, eventEntries, isEventName, mayOriginate, newEvent } from "./catalog.ts";

const stamp = {
  time: "2026-01-02T03:04:05.678Z",
  uid: "0b54c1c0-58f5-4a0e-9c3c-2f3a0c1d2e3f",
  ei: 3,
};

Deno.test("newEvent() takes the failed code when the event says that it failed", () => {
  const fields = {
    user: "alice",
    sid: "s",
    db_service: "orders",
    db_protocol: "postgres",
    db_name: "app",
    db_user: "bob",
  };
  assert.equal(newEvent("db.session.start", stamp, { ...fields, success: true }).code, "TDB00I");
  const refused = newEvent("db.session.start", stamp, {
    ...fields,
    success: false,
    error: { code: "access.denied", message: "no role allows it" },
  });
  assert.equal(refused.code, "TDB00W");
  const schema = v.strictObject(eventEntries("db.session.start"));
  assert.deepEqual(read(schema, refused, "event"), refused);
});

Deno.test("every name has its codes, and no code has two names", () => {
  const owners = new Map<string, string>();
  for (const [name, definition] of Object.entries(catalog)) {
    for (const code of Object.values(definition.codes)) {
      assert.match(code, /^T[A-Z0-9]+[IWE]$/);
      assert.equal(owners.get(code), undefined, `${code} of ${name}`);
      owners.set(code, name);
    }
  }
});

Deno.test("only the Auth Service may report logins, only agents statements", () => {
  assert.equal(mayOriginate("user.login", "db"), false);
  assert.equal(mayOriginate("user.login", "proxy"), false);
  assert.equal(mayOriginate("user.login", "auth"), true);
  assert.equal(mayOriginate("db.session.query", "db"), true);
  assert.equal(mayOriginate("db.session.query", "proxy"), false);
  assert.equal(isEventName("toString"), false);
});
