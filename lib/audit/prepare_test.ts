import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { read, v } from "../schema/mod.ts";
import { eventEntries, newStatement } from "./catalog.ts";
import { prepareStatement } from "./prepare.ts";

const stamp = { time: "2026-01-02T03:04:05.678Z", uid: "u", ei: 0 };
const session = { user: "alice", sid: "s", db_service: "c", db_name: "0", db_user: "alice" };

Deno.test("commands are split over linked events, each within its bounds, none lost", () => {
  const commands = Array.from({ length: 200 }, (_, at) => ({
    args: ["SET", `key:${at}`, "x".repeat(4096)],
    cut: [{ index: 2, bytes: 5000, sha256: "0".repeat(64) }],
    reply: "status",
    duration_ms: 0.5,
  }));
  const event = newStatement(stamp, {
    db_query: "SET ...",
    command: "command",
    commands,
    outcome: "done",
    success: true,
  });
  const parts = prepareStatement(event, { db_protocol: "redis" });
  ok(parts.length > 1);
  deepStrictEqual(parts.flatMap(({ commands = [] }) => commands), commands);
  const schema = v.strictObject(eventEntries("db.session.query"));
  for (const [index, part] of parts.entries()) {
    deepStrictEqual(part.part, { of: "u", index, count: parts.length });
    ok(JSON.stringify(part).length < 1024 * 1024);
    read(schema, { ...part, ...session, db_protocol: "redis" }, "an event");
  }
});

Deno.test("of a statement without commands nothing is said of commands", () => {
  const event = newStatement(stamp, {
    db_query: `select '${"x".repeat(600_000)}'`,
    command: "query",
    outcome: "done",
    success: true,
  });
  const parts = prepareStatement(event, { db_protocol: "postgres" });
  ok(parts.length > 1);
  strictEqual(parts.some((part) => "commands" in part), false);
});
