import { match, ok, strictEqual, throws } from "node:assert/strict";
import { checkCommands, commandAccess, type CommandQuestion } from "./commands.ts";
import type { Conditions, Role } from "./role.ts";

interface Spec {
  readonly allow?: Conditions;
  readonly deny?: Conditions;
}

function role(name: string, { allow = {}, deny = {} }: Spec): Role {
  return { metadata: { name }, spec: { allow, deny, options: {} } };
}

const commands: Readonly<Record<string, string>> = {
  "get": "read string fast",
  "set": "write string slow",
  "del": "keyspace write slow",
  "keys": "keyspace read slow dangerous",
  "config|get": "admin slow dangerous",
  "migrate": "keyspace write slow dangerous",
  "eval": "slow scripting",
  "eval_ro": "slow scripting",
  "ping": "fast connection",
  "auth": "fast connection",
  "watch": "fast transaction",
  "client|kill": "admin slow dangerous connection",
};

function ask(name: string, keys: readonly string[] | null = []): CommandQuestion {
  const categories = commands[name]?.split(" ") ?? [];
  return { name, categories, known: name in commands, keys: () => keys };
}

/** Why a command is refused; empty where it is not. */
function why(roles: readonly Role[], question: CommandQuestion, more: Partial<More> = {}): string {
  const access = commandAccess({
    allowing: roles,
    all: roles,
    traits: {},
    readOnly: false,
    ...more,
  });
  const denial = access.denial(question);
  // The second time it is remembered.
  strictEqual(access.denial(question)?.message, denial?.message);
  return denial === null ? "" : `${denial.message}; ${denial.hint}`;
}

type More = Omit<Parameters<typeof commandAccess>[0], "allowing">;

Deno.test("a role that says nothing of commands allows all but what runs the server", () => {
  const roles = [role("plain", {})];
  for (const name of ["get", "set", "keys", "eval", "ping", "watch"]) {
    strictEqual(why(roles, ask(name, ["k"])), "");
  }
  for (const name of ["config|get", "migrate", "client|kill", "nosuch"]) {
    match(why(roles, ask(name)), new RegExp(`do not allow the command ${name.replace("|", ".")}`));
  }
});

Deno.test("commands are allowed by name, by what they are part of, and by category", () => {
  const of = (...redis_commands: string[]) => [role("r", { allow: { redis_commands } })];
  strictEqual(why(of("config|get"), ask("config|get")), "");
  strictEqual(why(of("config"), ask("config|get")), "");
  strictEqual(why(of("@read"), ask("get")), "");
  strictEqual(why(of("@default", "migrate"), ask("migrate")), "");
  strictEqual(why(of("nosuch"), ask("nosuch")), "");
  strictEqual(why(of("*"), ask("config|get")), "");
  ok(why(of("@read"), ask("set")) !== "");
  ok(why(of("get"), ask("del")) !== "");
  strictEqual(why(of("get"), ask("ping")), "", "what concerns the connection needs no allowance");
});

Deno.test("one role has to allow both the command and all of its keys", () => {
  const roles = [
    role("a", { allow: { redis_commands: ["get"], redis_keys: ["a:*"] } }),
    role("b", { allow: { redis_commands: ["set"], redis_keys: ["b:*"] } }),
  ];
  strictEqual(why(roles, ask("get", ["a:1"])), "");
  strictEqual(why(roles, ask("set", ["b:1"])), "");
  match(why(roles, ask("get", ["b:1"])), /key "b:1"/);
  match(why(roles, ask("get", ["a:1", "b:1"])), /key "b:1"/);
  match(why(roles, ask("get", null)), /some keys only/);
});

Deno.test("a deny of any role wins", () => {
  const allowing = [role("all", { allow: { redis_commands: ["*"] } })];
  const denying = role("no", { deny: { redis_commands: ["@write"], redis_keys: ["secret:*"] } });
  const more = { all: [...allowing, denying] };
  strictEqual(why(allowing, ask("get", ["x"]), more), "");
  ok(why(allowing, ask("set", ["x"]), more) !== "");
  match(why(allowing, ask("get", ["secret:1"]), more), /secret:1/);
  ok(why(allowing, ask("get", [`secret:${"x".repeat(2000)}`]), more) !== "", "a key too long");
  strictEqual(
    why(allowing, ask("auth"), { all: [role("x", { deny: { redis_commands: ["*"] } })] }),
    "",
  );
});

Deno.test("what reaches every key, and what runs code, has to be named for bound keys", () => {
  const bound = [role("r", { allow: { redis_keys: ["app:*"] } })];
  ok(why(bound, ask("keys")) !== "");
  ok(why(bound, ask("eval", ["app:1"])) !== "");
  const named = [role("r", { allow: { redis_commands: ["keys", "eval"], redis_keys: ["app:*"] } })];
  strictEqual(why(named, ask("keys")), "");
  strictEqual(why(named, ask("eval", ["app:1"])), "");
  const denied = [role("r", { deny: { redis_commands: ["del"] } })];
  ok(why(denied, ask("eval")) !== "", "a script would do what is denied");
  ok(why([role("r", { allow: { redis_commands: ["@all"] } })], ask("eval")) !== "");
});

Deno.test("read only: nothing writes, scripts only where they say that they don't", () => {
  const roles = [role("r", {})];
  const more = { readOnly: true };
  strictEqual(why(roles, ask("get", ["k"]), more), "");
  match(why(roles, ask("set", ["k"]), more), /reading only/);
  match(why(roles, ask("eval"), more), /reading only/);
  strictEqual(why(roles, ask("eval_ro"), more), "");
});

Deno.test("tokens that nobody can have meant are refused", () => {
  for (const token of ["GET", "@reed", "get ", "", "@", "config get", "a|b|c"]) {
    throws(() => checkCommands({ redis_commands: [token] }), { code: "access.bad-command" });
  }
  throws(() => checkCommands({ redis_keys: ["^(["] }), { code: "access.bad-pattern" });
  checkCommands({ redis_commands: ["get", "config|get", "@read", "*", "json.get"] });
});
