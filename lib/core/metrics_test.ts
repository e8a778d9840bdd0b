import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Metrics } from "./metrics.ts";

Deno.test("counters add up, each set of labels by itself", () => {
  const metrics = new Metrics();
  const counter = metrics.counter("statements_total", "Statements.");
  counter.add({ outcome: "done" });
  metrics.counter("statements_total", "Statements.").add({ outcome: "done" }, 2);
  counter.add({ outcome: "unknown" });
  strictEqual(
    metrics.text(),
    "# HELP statements_total Statements.\n# TYPE statements_total counter\n" +
      'statements_total{outcome="done"} 3\nstatements_total{outcome="unknown"} 1\n',
  );
});

Deno.test("gauges are read when asked, by all who gave one", () => {
  const metrics = new Metrics();
  let sessions = 0;
  metrics.gauge("sessions", "Sessions.", () => [[{ role: "db" }, sessions]]);
  metrics.gauge("sessions", "Sessions.", () => [[{ role: "proxy" }, 7], [{}, 1]]);
  sessions = 5;
  deepStrictEqual(metrics.text().split("\n").slice(2), [
    'sessions{role="db"} 5',
    'sessions{role="proxy"} 7',
    "sessions 1",
    "",
  ]);
});

Deno.test("a histogram's buckets hold all below their ends", () => {
  const metrics = new Metrics();
  const seconds = metrics.histogram("took_seconds", "Time.", [0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 3]) seconds.observe({ db: "a" }, value);
  deepStrictEqual(metrics.text().split("\n").slice(2), [
    'took_seconds_bucket{db="a",le="0.1"} 2',
    'took_seconds_bucket{db="a",le="1"} 3',
    'took_seconds_bucket{db="a",le="+Inf"} 4',
    'took_seconds_sum{db="a"} 3.65',
    'took_seconds_count{db="a"} 4',
    "",
  ]);
});

Deno.test("label values can't break out of their quotes, and series are bounded", () => {
  const metrics = new Metrics();
  const counter = metrics.counter("x", "X.");
  counter.add({ name: 'a"}\n\\' });
  strictEqual(metrics.text().split("\n")[2], 'x{name="a\\"}\\n\\\\"} 1');
  for (let i = 0; i < 5000; i++) counter.add({ name: String(i) });
  strictEqual(metrics.text().split("\n").length, 2 + 2000 + 1);
});
