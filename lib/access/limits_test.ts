import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { Fault } from "../core/fault.ts";
import { checkLimits, mergeLimits } from "./limits.ts";
import { checkRole, mergeOptions, type Role } from "./role.ts";

const none = {
  idleMs: Infinity,
  sessionMs: Infinity,
  statementMs: Infinity,
  endsWithCertificate: false,
  readOnly: false,
  rows: Infinity,
  bytes: Infinity,
  sessions: Infinity,
  statementsPerMinute: Infinity,
};

function role(options: Role["spec"]["options"]): Role {
  return { metadata: { name: "r" }, spec: { allow: {}, deny: {}, options } };
}

Deno.test("roles that name no limit set none", () => {
  deepStrictEqual(mergeOptions([role({}), role({})]).limits, none);
});

Deno.test("of each limit the strictest wins, whichever role names it", () => {
  const loose = {
    idle_timeout: "1h",
    session_ttl: "8h",
    statement_timeout: "1m",
    max_rows: 10,
    max_bytes: 5000,
    max_sessions: 3,
    statements_per_minute: 60,
    read_only: false,
    disconnect_expired_cert: true,
  };
  const strict = {
    idle_timeout: "90s",
    statement_timeout: "1m30s",
    max_rows: 20,
    max_bytes: 100,
    max_sessions: 1,
    read_only: true,
    disconnect_expired_cert: false,
  };
  const expected = {
    idleMs: 90_000,
    sessionMs: 8 * 3_600_000,
    statementMs: 60_000,
    endsWithCertificate: true,
    readOnly: true,
    rows: 10,
    bytes: 100,
    sessions: 1,
    statementsPerMinute: 60,
  };
  deepStrictEqual(mergeLimits([loose, strict]), expected);
  deepStrictEqual(mergeOptions([role(strict), role({}), role(loose)]).limits, expected);
});

Deno.test("limits of nothing are refused with the role", () => {
  const wrong = [
    { idle_timeout: "0s" },
    { session_ttl: "999ms" },
    { statement_timeout: "1ms" },
    { max_rows: 0 },
    { max_bytes: -1 },
    { max_sessions: 0 },
    { statements_per_minute: 0 },
  ];
  for (const options of wrong) {
    const isBad = (thrown: unknown) =>
      thrown instanceof Fault && thrown.code === "access.bad-limit";
    throws(() => checkLimits(options), isBad);
    throws(() => checkRole(role(options)), isBad);
  }
  strictEqual(checkLimits({ idle_timeout: "1s", max_rows: 1 }), undefined);
});
