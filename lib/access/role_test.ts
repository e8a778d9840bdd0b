import { equal, throws } from "node:assert/strict";
import type { HostIdentity, UserIdentity } from "../core/identity.ts";
import { mayServe } from "./labels.ts";
import { generationOf, type Lock, lockOf, type LockSubject } from "./lock.ts";
import { checkRole, type Conditions, presetRoles } from "./role.ts";

const refused: readonly [promise: string, allow: Conditions, code: string][] = [
  ["a wild regular expression", { db_users: ["^(?=a)$"] }, "access.bad-pattern"],
  ["a bad pattern in labels", { db_labels: { env: "^a" } }, "access.bad-pattern"],
  ["an unknown template", { db_names: ["{{external.groups}}"] }, "access.bad-template"],
  ["an open template", { db_names: ["{{internal.x"] }, "access.bad-template"],
  ["a value for every label", { db_labels: { "*": "prod" } }, "access.bad-labels"],
  ["a label without values", { db_labels: { env: [] } }, "access.bad-labels"],
];
for (const [promise, conditions, code] of refused) {
  Deno.test(`a role with ${promise} is refused, in allow and in deny`, () => {
    const metadata = { name: "r" };
    throws(() => checkRole({ metadata, spec: { allow: conditions, deny: {}, options: {} } }), {
      code,
    });
    throws(() => checkRole({ metadata, spec: { allow: {}, deny: conditions, options: {} } }), {
      code,
    });
  });
}

Deno.test("the presets are roles that can be decided with", () => {
  for (const role of presetRoles()) checkRole(role);
});

Deno.test("a session ttl under a minute is refused", () => {
  const spec = { allow: {}, deny: {}, options: { max_session_ttl: "59s" } };
  throws(() => checkRole({ metadata: { name: "r" }, spec }), { code: "access.bad-ttl" });
});

const alice: UserIdentity = {
  v: 1,
  cluster: "c",
  kind: "human",
  user: "alice",
  roles: ["dev"],
  traits: {},
  generation: 1,
  loginIp: "",
  session: "login-1",
  issuer: "",
};
const agent: HostIdentity = {
  v: 1,
  cluster: "c",
  kind: "host",
  host: "h1",
  systemRoles: ["db"],
  services: ["orders", "shop-*", "label:env=dev*"],
};

const locks: readonly [
  promise: string,
  target: Lock["spec"]["target"],
  subject: LockSubject,
  locked: boolean,
][] = [
  ["user", { user: "alice" }, { identity: alice }, true],
  ["another user", { user: "bob" }, { identity: alice }, false],
  ["role", { role: "dev" }, { identity: alice }, true],
  ["role of now", { role: "ops" }, { identity: alice, roles: ["ops"] }, true],
  ["login", { login: "login-1" }, { identity: alice }, true],
  ["another login", { login: "login-2" }, { identity: alice }, false],
  ["service", { service: "orders" }, { identity: alice, service: "orders" }, true],
  ["service elsewhere", { service: "orders" }, { identity: alice }, false],
  ["host", { host: "h1" }, { identity: agent }, true],
  ["host on the way", { host: "h1" }, { identity: alice, hosts: ["h1"] }, true],
  ["both are needed", { user: "alice", service: "orders" }, { identity: alice }, false],
  [
    "both are there",
    { user: "alice", service: "orders" },
    { identity: alice, service: "orders" },
    true,
  ],
  ["nothing named", {}, { identity: alice }, false],
  ["a user lock is none for a host", { user: "h1" }, { identity: agent }, false],
];
for (const [promise, target, subject, locked] of locks) {
  Deno.test(`lock: ${promise}`, () => {
    const lock = { metadata: { name: "l" }, spec: { target, message: "stop" } };
    equal(lockOf([lock], subject, 0), locked ? "stop" : null);
  });
}

Deno.test("a lock ends when it expires", () => {
  const metadata = { name: "l", expires: "1970-01-01T00:00:01.000Z" };
  const lock = { metadata, spec: { target: { user: "alice" }, message: "" } };
  equal(lockOf([lock], { identity: alice }, 999), "locked by an administrator");
  equal(lockOf([lock], { identity: alice }, 1000), null);
});

const served: readonly [name: string, labels: Record<string, string>, wanted: boolean][] = [
  ["orders", {}, true],
  ["orders2", {}, false],
  ["shop-eu", {}, true],
  ["other", { env: "dev-1" }, true],
  ["other", { env: "prod" }, false],
];
for (const [name, labels, wanted] of served) {
  Deno.test(`may it serve ${name} ${JSON.stringify(labels)}: ${wanted}`, () => {
    equal(mayServe(agent, { name, labels }), wanted);
  });
}

Deno.test("a proxy serves nothing whatever its certificate lists", () => {
  equal(
    mayServe({ ...agent, systemRoles: ["proxy"], services: ["*"] }, { name: "x", labels: {} }),
    false,
  );
});

Deno.test("no certificate of an unknown or disabled user is in force", () => {
  equal(generationOf(null), null);
  equal(generationOf({ spec: { generation: 3, disabled: true } }), null);
  equal(generationOf({ spec: { generation: 3, disabled: false } }), 3);
});
