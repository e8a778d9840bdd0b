import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { RecordingLog } from "../../tests/fakes/log.ts";
import { newEvent } from "../audit/catalog.ts";
import { Metrics } from "../core/metrics.ts";
import { systemClock } from "../sys/clock.ts";
import { Diagnostics, serveDiagnostics } from "./diagnostics.ts";
import { eventCounter, timedDial } from "./observe.ts";

async function served(
  diagnostics: Diagnostics,
  run: (get: (path: string, method?: string) => Promise<[number, string]>) => Promise<void>,
): Promise<void> {
  const at = { host: "127.0.0.1", port: 0 };
  const log = new RecordingLog();
  const serving = await serveDiagnostics({ at, diagnostics, clock: systemClock, log });
  const { host, port } = serving.address;
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  try {
    await run(async (path, method = "GET") => {
      const answer = await fetch(`http://${host}:${port}${path}`, { method, client });
      return [answer.status, await answer.text()];
    });
  } finally {
    client.close();
    await serving.drain(0);
    await serving.stop();
  }
}

Deno.test("a process is ready once all of its services run and are well", async () => {
  const diagnostics = new Diagnostics();
  diagnostics.expect("db");
  let problems: string[] = [];
  await served(diagnostics, async (get) => {
    const ready = async () => {
      const [status, text] = await get("/readyz");
      return [status, JSON.parse(text)];
    };
    const starting = { ready: false, problems: ["db: is starting"], degraded: [] };
    deepStrictEqual(await ready(), [503, starting]);
    diagnostics.runs("db", () => ({ problems, degraded: ["slow"] }));
    deepStrictEqual(await ready(), [200, { ready: true, problems: [], degraded: ["db: slow"] }]);
    problems = ["no tunnel"];
    strictEqual((await ready())[0], 503);
    problems = [];
    diagnostics.stopping();
    strictEqual((await ready())[0], 503);
    deepStrictEqual(await get("/healthz"), [200, "ok\n"]);
    strictEqual((await get("/"))[0], 404);
    strictEqual((await get("/metrics", "POST"))[0], 405);
    match((await get("/metrics"))[1], /^process_resident_memory_bytes \d{7,}$/m);
  });
});

const stamp = { time: "2026-01-02T03:04:05.000Z", uid: "u", ei: 0 };
const session = { user: "alice", sid: "s", db_service: "shop", db_protocol: "postgres" } as const;
const where = { ...session, db_name: "shop", db_user: "app" } as const;

Deno.test("what is recorded is counted: refusals, statements, bytes, ends", () => {
  const metrics = new Metrics();
  const { event: count } = eventCounter(metrics);
  const failed = { code: "ca.locked", message: "no" };
  count(newEvent("db.session.start", stamp, { ...where, success: true }));
  count(newEvent("db.session.start", stamp, { ...where, success: false, error: failed }));
  const query = { ...where, db_query: "x", command: "query", outcome: "done" } as const;
  count(newEvent("db.session.query", stamp, { ...query, success: true, duration_ms: 7 }));
  count(newEvent("db.session.query", stamp, { ...query, success: false, duration_ms: 700 }));
  count(newEvent("db.session.end", stamp, { ...where, bytes_sent: 10, bytes_received: 4 }));
  const lines = metrics.text().split("\n");
  const has = (line: string) => ok(lines.includes(line), line);
  has('remoteler_refusals_total{code="ca.locked"} 1');
  has('remoteler_statements_total{db="shop",outcome="done"} 1');
  has('remoteler_statements_total{db="shop",outcome="error"} 1');
  has('remoteler_statement_duration_seconds_bucket{db="shop",le="0.01"} 1');
  has('remoteler_statement_duration_seconds_count{db="shop"} 2');
  has('remoteler_session_bytes_total{db="shop",direction="sent"} 10');
  has('remoteler_sessions_total{db="shop",code=""} 1');
});

Deno.test("dials are timed where they reach, counted where they don't", async () => {
  const metrics = new Metrics();
  let now = 0;
  const timed = timedDial(metrics, { monotonic: () => now });
  strictEqual(
    await timed("db:1", () => {
      now += 30;
      return Promise.resolve("stream");
    }),
    "stream",
  );
  await timed("db:1", () => Promise.reject(new Error("no"))).catch(() => {});
  match(metrics.text(), /connect_seconds_bucket\{uri="db:1",le="0.05"\} 1$/m);
  match(metrics.text(), /connect_seconds_count\{uri="db:1"\} 1$/m);
  match(metrics.text(), /connect_failures_total\{uri="db:1"\} 1$/m);
});
