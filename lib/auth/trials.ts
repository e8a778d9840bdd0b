/**
 * Databases that an administrator has tried at the agents (docs/decisions/005). An order lies in
 * the backend for each agent, so that it doesn't matter which Auth Service an agent listens to. It
 * is the order that lets an agent log in as its database user, once, and no wish of the agent's.
 */
import type { CallOutput, CallRequest } from "../api/contract.ts";
import type { ProvenCaller } from "../api/server.ts";
import type { TrialOrder, TrialStep } from "../api/trials.ts";
import { listAll } from "../backend/mod.ts";
import type { Change, Entry, Key } from "../core/backend.ts";
import { Fault } from "../core/fault.ts";
import type { Clock } from "../core/clock.ts";
import type { HostIdentity } from "../core/identity.ts";
import { protocolNamed } from "../wire/mod.ts";
import type { Context } from "../api/server.ts";
import type { Callers } from "./callers.ts";
import { hostnameOf, hostRecordOf } from "./hosts.ts";
import { type Core, encodeJson, type Who, whoOf } from "./powers.ts";
import { servedDatabases } from "./presence.ts";
import { allowLogin } from "./trial_logins.ts";
import {
  loginKey,
  noTrial,
  orderKey,
  ordersOf,
  resultKey,
  resultsOf,
  stepsIn,
  type StoredTrial,
  type TrialAsker,
  trialIn,
} from "./trial_store.ts";

/** How long agents may take; an agent gives up before, step by step. */
const waitMs = 75_000;
/** An agent that listens has its order at once; this is for one that is just connecting again. */
const handedMs = 6_000;
/** Orders and answers are gone after this whatever happens. */
const keptMs = 90_000;
/** Tests that may be begun within a minute, over all Auth Services. */
const askedMax = 30;
const askedMs = 60_000;

type Item = CallOutput<"databases.test">;

/** The call `databases.test`. */
export async function* testDatabase(
  core: Core,
  callers: Callers,
  input: CallRequest<"databases.test">,
  context: Context,
): AsyncGenerator<Item> {
  const { database, db_user = null } = input;
  const agents = await agentsOf(core, input);
  const hosts = agents.filter(({ asked }) => asked).map(({ host }) => host);
  const usual = await mayLackDatabase(core, database) ? null : db_user;
  const db_name = db_user === null ? null : input.db_name ?? usual;
  const order: TrialOrder = { id: core.random.uuid(), database, db_user, db_name };
  const asker = askerOf(context.caller);
  for (const host of hosts) await allowLogin(core, callers, { order, asker }, host);
  yield { type: "agents", agents };
  if (hosts.length > 0) {
    const who = whoOf(context.caller, context.remoteAddress);
    yield* tried(core, { order, asker, hosts, who }, context.signal);
  }
  yield { type: "end" };
}

/** A session of its protocol may be in no database within the server. */
async function mayLackDatabase(core: Core, name: string): Promise<boolean> {
  const all = await servedDatabases(core);
  const found = all.find(({ database: { metadata } }) => metadata.name === name);
  const protocol = found === undefined ? null : protocolNamed(found.database.spec.protocol);
  return protocol?.mayLackDatabase === true;
}

type ServingAgent = Extract<Item, { type: "agents" }>["agents"][number];

/** All that serve it or did lately, those that can be asked marked. */
async function agentsOf(
  core: Core,
  { database, agent }: CallRequest<"databases.test">,
): Promise<ServingAgent[]> {
  const found: ServingAgent[] = [];
  for (const { host, online, database: { metadata } } of await servedDatabases(core)) {
    if (metadata.name !== database) continue;
    const hostname = await hostnameOf(core, host);
    const isMeant = agent === undefined || agent === host || agent === hostname;
    found.push({ host, hostname, online, asked: online && isMeant });
  }
  return found;
}

/** The contract lets in nobody else; if it did, nobody else would pass for the admin. */
function askerOf(caller: ProvenCaller): TrialAsker {
  if (caller.kind === "admin") return null;
  if (caller.kind !== "user") {
    throw new Fault({ kind: "denied", code: "auth.no-user", message: "the caller is no user" });
  }
  const { identity: { user, generation, session, loginIp }, expires } = caller;
  return { user, generation, session, loginIp, expires };
}

interface Trial extends StoredTrial {
  readonly hosts: readonly string[];
  readonly who: Who;
}

/** Gives the orders and yields the answers as they come; nothing of it stays. */
async function* tried(core: Core, trial: Trial, signal: AbortSignal): AsyncGenerator<Item> {
  const { order: { id }, hosts } = trial;
  await refuseTooMany(core, id);
  await core.audit.report("db.test.start", { ...aboutOf(trial), hosts: [...hosts] });
  const over = new AbortController();
  const timer = core.clock.after(waitMs, () => over.abort());
  const either = AbortSignal.any([signal, over.signal]);
  const answers = core.backend.watch(resultsOf(id), either)[Symbol.asyncIterator]();
  const results = new Map<string, readonly TrialStep[] | null>();
  try {
    // Answers from here on are heard.
    await answers.next();
    await giveOrders(core, trial);
    for await (const result of resultsIn(answers, hosts, core.clock)) {
      const { host, steps } = result;
      if (signal.aborted) return;
      results.set(host, steps);
      yield { type: "result", host, steps: steps === null ? null : [...steps] };
    }
  } finally {
    timer.cancel();
    await answers.return?.();
    await takeBack(core, trial);
    const outcome = outcomeOf(trial, results, signal.aborted);
    await core.audit.report("db.test.end", { ...aboutOf(trial), ...outcome });
  }
}

interface Result {
  readonly host: string;
  /** Null: it was asked and gave no answer. */
  readonly steps: readonly TrialStep[] | null;
}

/**
 * One result for each host: as answers come, without one soon where nobody took the order, and
 * without one at the end of the answers for the rest.
 */
async function* resultsIn(
  answers: AsyncIterator<Change>,
  hosts: readonly string[],
  clock: Clock,
): AsyncGenerator<Result> {
  const waiting = new Set(hosts);
  const handed = new Set<string>();
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const timer = clock.after(handedMs, () => resolve("late"));
  const silent = function* (given: (host: string) => boolean): Generator<Result> {
    for (const host of hosts.filter(given)) {
      if (waiting.delete(host)) yield { host, steps: null };
    }
  };
  try {
    let isLate = false;
    for (let next = answers.next(); waiting.size > 0;) {
      const found = isLate ? await next : await Promise.race([next, late]);
      if (found === "late") {
        isLate = true;
        yield* silent((host) => !handed.has(host));
        continue;
      }
      if (found.done === true) return yield* silent(() => true);
      next = answers.next();
      const [host, steps] = answerIn(found.value) ?? ["", null];
      handed.add(host);
      if (steps !== null && waiting.delete(host)) yield { host, steps };
    }
  } finally {
    timer.cancel();
  }
}

/** Each test begun is remembered for a minute, and no more are begun than are remembered. */
async function refuseTooMany({ backend, clock }: Core, id: string): Promise<void> {
  const prefix: Key = ["trial_asked"];
  const asked = await backend.list(prefix, { limit: askedMax });
  if (asked.length >= askedMax) {
    throw new Fault({
      kind: "limit",
      code: "auth.too-many-tests",
      message: `${askedMax} database tests were begun within a minute`,
      shown: `${askedMax} database tests were begun within the last minute`,
      hint: "try again in a minute",
    });
  }
  const put = { key: [...prefix, id], value: encodeJson(1), expires: clock.now() + askedMs };
  await backend.commit({ puts: [put] });
}

async function giveOrders({ backend, clock }: Core, trial: Trial): Promise<void> {
  const { order, asker, hosts } = trial;
  const expires = clock.now() + keptMs;
  const value = encodeJson({ order, asker } satisfies StoredTrial);
  for (const host of hosts) {
    const login = { key: loginKey(host, order.id), value: encodeJson(1), expires };
    const puts = [{ key: orderKey(host, order.id), value, expires }];
    await backend.commit({ puts: order.db_user === null ? puts : [...puts, login] });
  }
}

/** Also while Auth is stopping, when the backend may be closed: what is left expires. */
async function takeBack({ backend }: Core, { order: { id }, hosts }: Trial): Promise<void> {
  for (const host of hosts) {
    const deletes = [orderKey(host, id), loginKey(host, id), resultKey(id, host)];
    await backend.commit({ deletes }).catch(() => {});
  }
}

function answerIn(change: Change): readonly [host: string, steps: TrialStep[] | null] | null {
  if (change.type !== "put") return null;
  const { key, value } = change.entry;
  return [key[2] ?? "", stepsIn(value)];
}

function aboutOf({ who, order: { id, database, db_user, db_name } }: Trial) {
  return {
    ...who,
    test: id,
    db_service: database,
    ...(db_user === null ? {} : { db_user }),
    ...(db_name === null ? {} : { db_name }),
  };
}

/** For the event: which step failed at which agent. */
function outcomeOf(
  { hosts }: Trial,
  results: ReadonlyMap<string, readonly TrialStep[] | null>,
  wasLeft: boolean,
) {
  const failures = hosts.flatMap((host) => {
    const steps = results.get(host);
    if (steps === undefined) return [`${host}: ${wasLeft ? "given up" : "no answer"}`];
    const failed = steps?.find(({ state }) => state === "failed");
    return failed === undefined ? [] : [`${host}: ${failed.step}`];
  });
  const message = failures.join(", ").slice(0, 1024);
  return failures.length === 0 ? { success: true } : { success: false, message };
}

/** The call `trials.watch`. */
export async function* watchTrials(
  core: Core,
  agent: HostIdentity,
  signal: AbortSignal,
): AsyncGenerator<TrialOrder> {
  await hostRecordOf(core, agent);
  const prefix = ordersOf(agent.host);
  const changes = core.backend.watch(prefix, signal)[Symbol.asyncIterator]();
  try {
    await changes.next();
    for await (const entry of listAll(core.backend, prefix)) {
      yield await handOver(core, agent.host, entry);
    }
    for (;;) {
      const { done, value } = await changes.next();
      if (done === true) return;
      if (value.type === "put") yield await handOver(core, agent.host, value.entry);
    }
  } finally {
    await changes.return?.();
  }
}

/** Says to the one who asks that the agent is there and has its order. */
async function handOver({ backend, clock }: Core, host: string, entry: Entry): Promise<TrialOrder> {
  const { order } = trialIn(entry);
  const key = resultKey(order.id, host);
  const put = { key, value: encodeJson(null), expires: clock.now() + keptMs };
  // An order is told twice where the agent connects again; its answer must not be lost to that.
  await backend.commit({ checks: [{ key, revision: null }], puts: [put] });
  return order;
}

/** The call `trials.report`. */
export async function reportTrial(
  core: Core,
  { host }: HostIdentity,
  { id, steps }: CallRequest<"trials.report">,
): Promise<CallOutput<"trials.report">> {
  const key = orderKey(host, id);
  const entry = await core.backend.get(key);
  if (entry === null) throw noTrial();
  const expires = core.clock.now() + keptMs;
  const { ok } = await core.backend.commit({
    checks: [{ key, revision: entry.revision }],
    puts: [{ key: resultKey(id, host), value: encodeJson(steps), expires }],
    deletes: [key, loginKey(host, id)],
  });
  if (!ok) throw noTrial();
  return {};
}
