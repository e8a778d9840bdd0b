import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import type { UserIdentity } from "../core/identity.ts";
import {
  accessOf,
  allowedNames,
  allowedUsers,
  decide,
  deniedFault,
  mayCall,
  type Question,
  unknownDatabase,
  visibleDatabases,
} from "./decide.ts";
import { type Conditions, presetRoles, type Role } from "./role.ts";

function role(name: string, allow: Conditions, deny: Conditions = {}): Role {
  return { metadata: { name }, spec: { allow, deny, options: {} } };
}

function who(roles: readonly string[], traits: UserIdentity["traits"] = {}): UserIdentity {
  return {
    v: 1,
    cluster: "c",
    kind: "human",
    user: "alice",
    roles,
    traits,
    generation: 1,
    loginIp: "10.0.0.1",
    session: "s",
    issuer: "i",
  };
}

const database = { metadata: { name: "orders", labels: { env: "prod", team: "shop" } } };
const all: Conditions = { db_labels: { "*": "*" }, db_users: ["*"], db_names: ["*"] };

function ask(roles: readonly Role[], user: string | null, name: string | null): Question {
  const identity = who(roles.map((r) => r.metadata.name), { db_users: ["app", "ro"] });
  return { identity, roles, database, user, name, now: 0 };
}

interface Row {
  readonly promise: string;
  readonly roles: readonly Role[];
  readonly user?: string | null;
  readonly name?: string | null;
  /** What is missing; undefined where it is allowed. */
  readonly missing?: "database" | "user" | "name" | "role";
}

const rows: readonly Row[] = [
  { promise: "no roles allow nothing", roles: [], missing: "database" },
  { promise: "a role of wildcards allows all", roles: [role("a", all)] },
  {
    promise: "an empty allow allows nothing",
    roles: [role("a", {})],
    missing: "database",
  },
  {
    promise: "users without labels allow nothing",
    roles: [role("a", { db_users: ["*"], db_names: ["*"] })],
    missing: "database",
  },
  {
    promise: "label keys are all needed",
    roles: [role("a", { ...all, db_labels: { env: "prod", team: "bank" } })],
    missing: "database",
  },
  {
    promise: "one of a label's values is enough",
    roles: [role("a", { ...all, db_labels: { env: ["dev", "prod"], team: "sh*" } })],
  },
  {
    promise: "a label the database lacks is not matched by a star",
    roles: [role("a", { ...all, db_labels: { region: "*" } })],
    missing: "database",
  },
  {
    promise: "inherited names are no labels",
    roles: [role("a", { ...all, db_labels: { constructor: "*" } })],
    missing: "database",
  },
  {
    promise: "another database user is refused",
    roles: [role("a", { ...all, db_users: ["app"] })],
    user: "postgres",
    missing: "user",
  },
  {
    promise: "a template gives the user's own traits",
    roles: [role("a", { ...all, db_users: ["{{internal.db_users}}"] })],
    user: "ro",
  },
  {
    promise: "a template may stand inside a word",
    roles: [role("a", { ...all, db_users: ["svc_{{ internal.db_users }}_x"] })],
    user: "svc_app_x",
  },
  {
    promise: "a trait the user lacks gives nothing",
    roles: [role("a", { ...all, db_users: ["{{internal.none}}"] })],
    user: "app",
    missing: "user",
  },
  {
    promise: "another database name is refused",
    roles: [role("a", { ...all, db_names: ["orders"] })],
    name: "billing",
    missing: "name",
  },
  {
    promise: "the user of one role does not combine with the name of another",
    roles: [
      role("a", { ...all, db_users: ["app"], db_names: ["one"] }),
      role("b", { ...all, db_users: ["root"], db_names: ["two"] }),
    ],
    user: "app",
    name: "two",
    missing: "name",
  },
  {
    promise: "denied labels hide the database whatever else is allowed",
    roles: [role("a", all), role("b", {}, { db_labels: { env: "prod" } })],
    missing: "database",
  },
  {
    promise: "a denied user is denied on every database",
    roles: [role("a", all), role("b", {}, { db_users: ["post*"] })],
    user: "postgres",
    missing: "user",
  },
  {
    promise: "a denied name is denied whatever the labels",
    roles: [role("a", all), role("b", {}, { db_names: ["secret"] })],
    name: "secret",
    missing: "name",
  },
  {
    promise: "a deny of something else does not deny",
    roles: [role("a", all), role("b", {}, { db_names: ["secret"], db_labels: { env: "dev" } })],
  },
  { promise: "an empty user is never allowed", roles: [role("a", all)], user: "", missing: "user" },
  { promise: "an empty name is never allowed", roles: [role("a", all)], name: "", missing: "name" },
  { promise: "a user left to the startup is decided later", roles: [role("a", all)], user: null },
  {
    promise: "a name is decided even where the user isn't known yet",
    roles: [role("a", { ...all, db_names: ["one"] })],
    user: null,
    name: "two",
    missing: "name",
  },
];

for (const row of rows) {
  Deno.test(row.promise, () => {
    const user = row.user === undefined ? "app" : row.user;
    const name = row.name === undefined ? "orders" : row.name;
    const answer = decide(ask(row.roles, user, name));
    equal(answer.allowed ? undefined : answer.missing, row.missing);
  });
}

Deno.test("a role that is gone refuses all, since what it denied is unknown", () => {
  const question = { ...ask([role("a", all)], "app", "orders"), identity: who(["a", "gone"]) };
  const answer = decide(question);
  ok(!answer.allowed);
  equal(answer.missing, "role");
});

Deno.test("roles that the identity does not name count for nothing", () => {
  const question = { ...ask([role("a", all)], "app", "orders"), identity: who([]) };
  equal(decide(question).allowed, false);
});

Deno.test("a hidden database is refused in the words of one that does not exist", () => {
  const hidden = decide(ask([role("a", {})], "app", "orders"));
  const absent = unknownDatabase("orders");
  ok(!hidden.allowed);
  equal(hidden.shown, absent.shown);
  equal(hidden.hint, absent.hint);
  equal(deniedFault(hidden).code, deniedFault(absent).code);
  notEqual(hidden.message, absent.message);
});

Deno.test("a refusal says what would be allowed", () => {
  const answer = decide(ask([role("a", { ...all, db_users: ["app", "ro"] })], "root", "orders"));
  ok(!answer.allowed);
  ok(answer.hint.includes("app, ro"));
});

Deno.test("a trait's value is a word, never a pattern, but for a whole star", () => {
  const roles = [role("a", { ...all, db_users: ["{{internal.u}}"] })];
  const base = { roles, database, user: "root", name: "x", now: 0 };
  equal(decide({ ...base, identity: who(["a"], { u: ["^r.*$", "r*"] }) }).allowed, false);
  equal(decide({ ...base, identity: who(["a"], { u: ["*"] }) }).allowed, true);
});

Deno.test("the strictest options win", () => {
  const mild: Role = {
    metadata: { name: "mild" },
    spec: { allow: all, deny: {}, options: { audit: "best_effort", max_session_ttl: "1h30m" } },
  };
  const hard: Role = {
    metadata: { name: "hard" },
    spec: {
      allow: {},
      deny: {},
      options: { audit: "durable", lock: "strict", require_end_to_end: true },
    },
  };
  const options = (roles: readonly Role[]) => {
    const answer = decide(ask(roles, "app", "orders"));
    ok(answer.allowed);
    const { limits: _, ...others } = answer.options;
    return others;
  };
  deepEqual(options([mild, hard]), {
    audit: "durable",
    lock: "strict",
    requireEndToEnd: true,
    recordValues: true,
    sessionTtlMs: 5_400_000,
  });
  deepEqual(options([mild]).audit, "best_effort");
  deepEqual(options([role("a", all)]), {
    audit: "strict",
    lock: "best_effort",
    requireEndToEnd: false,
    recordValues: true,
    sessionTtlMs: 43_200_000,
  });
});

Deno.test("replication needs the option of a role that allows this very access", () => {
  const options = { allow_replication: true };
  const plain = role("plain", all);
  const also: Role = { metadata: { name: "also" }, spec: { allow: all, deny: {}, options } };
  const elsewhere: Role = {
    metadata: { name: "elsewhere" },
    spec: { allow: { ...all, db_labels: { env: "none" } }, deny: {}, options },
  };
  const replication = (...roles: readonly Role[]) => {
    const answer = decide(ask(roles, "app", "orders"));
    ok(answer.allowed);
    return answer.replication;
  };
  deepEqual(replication(plain), false);
  deepEqual(replication(plain, elsewhere), false);
  deepEqual(replication(plain, also), true);
});

Deno.test("lists show what is allowed and leave out what is denied", () => {
  const roles = [
    role("a", { ...all, db_users: ["app", "root", "{{internal.db_users}}"], db_names: ["one"] }),
    role("b", { db_labels: { env: "prod" }, db_users: ["batch"], db_names: ["two"] }),
    role("c", {}, { db_users: ["root"], db_labels: { env: "secret" } }),
  ];
  const identity = who(["a", "b", "c"], { db_users: ["ro"] });
  const secret = { metadata: { name: "s", labels: { env: "secret" } } };
  deepEqual(visibleDatabases({ identity, roles }, [database, secret]), [database]);
  deepEqual(allowedUsers({ identity, roles, database }), ["app", "ro", "batch"]);
  deepEqual(allowedNames({ identity, roles, database }), ["one", "two"]);
  deepEqual(allowedNames({ identity, roles, database, user: "batch" }), ["two"]);
  deepEqual(allowedUsers({ identity, roles, database: secret }), []);
  // The same for many databases at once; a role that is gone takes everything away.
  const access = accessOf({ identity, roles });
  deepEqual([access.sees(database), access.sees(secret)], [true, false]);
  deepEqual(access.names(database, "batch"), ["two"]);
  const gone = accessOf({ identity: who(["a", "x"]), roles });
  deepEqual([gone.sees(database), gone.users(database)], [false, []]);
});

Deno.test("presets: editor changes resources, auditor only reads, access calls nothing", () => {
  const [access, editor, auditor] = presetRoles();
  ok(access && editor && auditor);
  equal(mayCall([editor], "create", "user"), true);
  equal(mayCall([editor], "delete", "role"), true);
  equal(mayCall([editor], "read", "audit"), false);
  equal(mayCall([auditor], "read", "audit"), true);
  equal(mayCall([auditor], "read", "cluster"), true);
  equal(mayCall([auditor], "update", "user"), false);
  equal(mayCall([access], "list", "db"), false);
  equal(mayCall([], "list", "db"), false);
});

Deno.test("a denied rule wins over every allowed one", () => {
  const roles = [
    role("a", { rules: [{ resources: ["*"], verbs: ["*"] }] }),
    role("b", {}, { rules: [{ resources: ["user"], verbs: ["delete"] }] }),
  ];
  equal(mayCall(roles, "delete", "user"), false);
  equal(mayCall(roles, "create", "user"), true);
});
