/** Sessions of the built-in shell, a row for each protocol. */
import { Fault } from "../../core/fault.ts";
import type { RouteAt } from "../dial_route.ts";
import type { ClientPowers } from "../powers.ts";
import type { ShellSession } from "./result.ts";
import { SqlSession } from "./session.ts";

type Open = (at: RouteAt, powers: ClientPowers, signal: AbortSignal) => Promise<ShellSession>;

const table: Readonly<Record<string, Open>> = {
  postgres: SqlSession.open,
  // Only who uses it loads it.
  mysql: async (at, powers, signal) => {
    const { MysqlSession } = await import("./mysql_session.ts");
    return await MysqlSession.open(at, powers, signal);
  },
  redis: async (at, powers, signal) => {
    const { RedisSession } = await import("../redis/session.ts");
    return await RedisSession.open(at, powers, signal);
  },
};

/** Connects and logs in. Throws Faults of the way there, and `SqlError` for what is refused. */
export async function openSession(
  at: RouteAt,
  powers: ClientPowers,
  signal: AbortSignal,
): Promise<ShellSession> {
  const { protocol } = at.route;
  const open = Object.hasOwn(table, protocol) ? table[protocol] : undefined;
  if (open !== undefined) return await open(at, powers, signal);
  throw new Fault({
    kind: "invalid",
    code: "client.no-shell",
    message: `the built-in shell does not speak ${protocol}`,
    hint: `use a program for it: tsh db connect ${at.route.service}, or tsh proxy db`,
  });
}
