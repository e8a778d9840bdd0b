import {
  type EventOf,
  newEvent,
  newStatement,
  type QueryEvent,
  type StatementEvent,
} from "../../lib/audit/catalog.ts";
import { EventContext } from "../../lib/audit/context.ts";

const session = {
  user: "alice",
  sid: "6f1c1f0e-97f6-4d6c-8f0f-6d8a1e2b3c4d",
  db_service: "orders",
  db_protocol: "postgres",
  db_name: "app",
  db_user: "reader",
} as const;

/** What the statements below have in common. */
export const sessionContext = new EventContext(session);

/** A UUID that tells its number. */
export function uidOf(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
}

/** A statement that is about to go on, number `n` of its session. */
export function intentOf(n: number, text = `SELECT ${n}`): StatementEvent {
  return newStatement(stampOf(n), {
    db_query: text,
    command: "query",
    outcome: "started",
    success: null,
  });
}

/** The same with its result. */
export function resultOf(n: number, text = `SELECT ${n}`): StatementEvent {
  return { ...intentOf(n, text), outcome: "done", success: true, rows: 1, duration_ms: 0.5 };
}

/** The whole event of that. */
export function queryOf(n: number, text = `SELECT ${n}`): QueryEvent {
  return { ...resultOf(n, text), ...session };
}

export function endOf(n: number): EventOf<"db.session.end"> {
  return newEvent("db.session.end", stampOf(n), session);
}

export function loginOf(n: number, user = "alice"): EventOf<"user.login"> {
  return newEvent("user.login", stampOf(n), { user, success: true, method: "local" });
}

function stampOf(n: number): { time: string; uid: string; ei: number } {
  const time = new Date(Date.UTC(2026, 0, 2, 3, 4, 5) + n).toISOString();
  return { time, uid: uidOf(n), ei: n };
}
