/** `/healthz`, `/readyz` and `/metrics` on `diag_addr`, for orchestrators and Prometheus. */
import type { Address } from "../config/mod.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { Metrics } from "../core/metrics.ts";
import { memoryUse } from "../sys/memory.ts";
import type { HttpHandler, HttpResponse } from "../sys/http.ts";
import { openPlainDoor } from "./api_listener.ts";
import type { Running } from "./runtime.ts";

/** How a service is at this moment; both empty: well. */
export interface Condition {
  /** Why it can't do its work. */
  readonly problems: readonly string[];
  /** What it does without for now. */
  readonly degraded: readonly string[];
}

/** What a process knows of itself. */
export class Diagnostics {
  readonly metrics = new Metrics();
  readonly #expected = new Set<string>();
  readonly #conditions = new Map<string, () => Condition>();
  #stopping = false;

  /** A service that the process is to run; until it says how it is the process isn't ready. */
  expect(service: string): void {
    this.#expected.add(service);
  }

  /** The service runs; `ask` is called whenever somebody wants to know. */
  runs(service: string, ask: () => Condition = () => ({ problems: [], degraded: [] })): void {
    this.#conditions.set(service, ask);
  }

  stopping(): void {
    this.#stopping = true;
  }

  /** All services together, each line with the name of its service. */
  condition(): Condition {
    const problems = this.#stopping ? ["the process is stopping"] : [];
    const degraded: string[] = [];
    for (const service of this.#expected) {
      const found = this.#conditions.get(service)?.();
      if (found === undefined) problems.push(`${service}: is starting`);
      problems.push(...(found?.problems ?? []).map((text) => `${service}: ${text}`));
      degraded.push(...(found?.degraded ?? []).map((text) => `${service}: ${text}`));
    }
    return { problems, degraded };
  }
}

/** Often enough for a 99th percentile of ten seconds; one look costs a few microseconds. */
const delayPeriodMs = 50;
const delaySeconds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5] as const;

export interface DiagnosticsServer extends Running {
  readonly address: Address;
}

/** Listens until stopped; while the process drains it goes on answering. */
export async function serveDiagnostics(options: {
  readonly at: Address;
  readonly diagnostics: Diagnostics;
  readonly clock: Clock;
  readonly log: Log;
}): Promise<DiagnosticsServer> {
  const { at, diagnostics, clock, log } = options;
  observeProcess(diagnostics.metrics);
  const delay = observeDelay(diagnostics.metrics, clock);
  const door = await openPlainDoor({ at, handler: handlerOf(diagnostics), log });
  const stop = async (): Promise<void> => {
    delay.cancel();
    await door.close();
  };
  const drain = (): Promise<void> => {
    diagnostics.stopping();
    return Promise.resolve();
  };
  return { address: door.address, drain, stop };
}

function handlerOf(diagnostics: Diagnostics): HttpHandler {
  return ({ method, path }) => Promise.resolve(answer(diagnostics, method, path));
}

function answer(diagnostics: Diagnostics, method: string, path: string): HttpResponse {
  if (method !== "GET") return text(405, "only GET\n");
  switch (path) {
    case "/healthz":
      return text(200, "ok\n");
    case "/readyz": {
      const { problems, degraded } = diagnostics.condition();
      const ready = problems.length === 0;
      const body = `${JSON.stringify({ ready, problems, degraded })}\n`;
      return page(ready ? 200 : 503, "application/json", body);
    }
    case "/metrics":
      return page(200, "text/plain; version=0.0.4; charset=utf-8", diagnostics.metrics.text());
    default:
      return text(404, "there are /healthz, /readyz and /metrics\n");
  }
}

function text(status: number, body: string): HttpResponse {
  return page(status, "text/plain; charset=utf-8", body);
}

function page(status: number, type: string, body: string): HttpResponse {
  return { status, headers: { "content-type": type, "cache-control": "no-store" }, body };
}

function observeProcess(metrics: Metrics): void {
  metrics.gauge("process_resident_memory_bytes", "Resident memory of the process.", () => [
    [{}, memoryUse().residentBytes],
  ]);
  metrics.gauge("process_heap_used_bytes", "Heap in use.", () => [[{}, memoryUse().heapBytes]]);
}

/** A timer that comes late says how long something else kept the event loop. */
function observeDelay(metrics: Metrics, clock: Clock): { cancel(): void } {
  const seconds = metrics.histogram(
    "remoteler_event_loop_delay_seconds",
    "How late timers are, looked at twenty times a second.",
    delaySeconds,
  );
  let last = clock.monotonic();
  return clock.every(delayPeriodMs, () => {
    const now = clock.monotonic();
    seconds.observe({}, Math.max(0, now - last - delayPeriodMs) / 1000);
    last = now;
  });
}
