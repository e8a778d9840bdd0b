/**
 * Counts what a service records: the events for the audit log say all there is to count, so that
 * nothing else of the services has to know of metrics.
 */
import type { AuditEvent, StatementEvent } from "../audit/catalog.ts";
import type { Spool } from "../audit/spool.ts";
import type { Clock } from "../core/clock.ts";
import type { Metrics } from "../core/metrics.ts";

const statementSeconds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 600] as const;
const connectSeconds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] as const;

export interface EventCounter {
  /** Counts one event; those that are none of a session's are left out. */
  event(event: AuditEvent): void;
  /** Counts a statement and what came of it. */
  statement(event: StatementEvent, db: string): void;
}

export function eventCounter(metrics: Metrics): EventCounter {
  const sessions = metrics.counter(
    "remoteler_sessions_total",
    "Database sessions that ended, by database and by the limit that ended them.",
  );
  const refusals = metrics.counter(
    "remoteler_refusals_total",
    "Clients turned away and sessions refused, by error code.",
  );
  const statements = metrics.counter(
    "remoteler_statements_total",
    "Statements by database and outcome.",
  );
  const bytes = metrics.counter(
    "remoteler_session_bytes_total",
    "Bytes of ended sessions, sent to and received from clients.",
  );
  const seconds = metrics.histogram(
    "remoteler_statement_duration_seconds",
    "From forwarding a statement to its result.",
    statementSeconds,
  );
  const statement = (event: StatementEvent, db: string) => {
    statements.add({ db, outcome: outcomeOf(event) });
    if (event.outcome === "done" && event.duration_ms !== undefined) {
      seconds.observe({ db }, event.duration_ms / 1000);
    }
  };
  const event = (event: AuditEvent) => {
    switch (event.event) {
      case "db.session.start":
        if (!event.success) refusals.add({ code: event.error?.code ?? "" });
        return;
      case "db.session.end": {
        const db = event.db_service;
        sessions.add({ db, code: event.error?.code ?? "" });
        bytes.add({ db, direction: "sent" }, event.bytes_sent ?? 0);
        bytes.add({ db, direction: "received" }, event.bytes_received ?? 0);
        return;
      }
      case "db.session.query":
        return statement(event, event.db_service);
      case "db.session.query.failed":
        statements.add({ db: event.db_service, outcome: "refused" });
        return;
      case "auth":
        refusals.add({ code: event.error?.code ?? "" });
        return;
      case "session.rejected":
        refusals.add({ code: event.reason });
    }
  };
  return { event, statement };
}

function outcomeOf({ outcome, success }: StatementEvent): string {
  return outcome === "done" && success === false ? "error" : outcome;
}

/** The spool, counted on the way; an intent is no statement yet, its result will be. */
export function countedSpool(spool: Spool, count: EventCounter): Spool {
  return {
    event: (event) => {
      count.event(event);
      spool.event(event);
    },
    intent: (event, context) => spool.intent(event, context),
    streamed: (parts, intent, context) => spool.streamed(parts, intent, context),
    result: (event, context) => {
      count.statement(event, context.fields.db_service);
      spool.result(event, context);
    },
    settle: (mode, done) => spool.settle(mode, done),
    room: (done) => spool.room(done),
    get fault() {
      return spool.fault;
    },
    get health() {
      return spool.health;
    },
    close: () => spool.close(),
  };
}

/** Runs a dial and keeps how long it took, by address; one that fails is counted as such. */
export function timedDial(
  metrics: Metrics,
  clock: Pick<Clock, "monotonic">,
): <T>(uri: string, dial: () => Promise<T>) => Promise<T> {
  const seconds = metrics.histogram(
    "remoteler_database_connect_seconds",
    "Time until a database's port answered, by its address.",
    connectSeconds,
  );
  const failures = metrics.counter(
    "remoteler_database_connect_failures_total",
    "Connections to databases that failed, by address.",
  );
  return async (uri, dial) => {
    const startedAt = clock.monotonic();
    try {
      const result = await dial();
      seconds.observe({ uri }, (clock.monotonic() - startedAt) / 1000);
      return result;
    } catch (thrown) {
      failures.add({ uri });
      throw thrown;
    }
  };
}
