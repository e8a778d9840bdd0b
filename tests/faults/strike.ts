/** One fault, hitting work in each of its moments; and what must hold afterwards. */
import { deepStrictEqual, ok } from "node:assert/strict";
import type { Site } from "../../scripts/lab/site.ts";
import { delay, waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { type Env, RawClient } from "../postgres/raw_client.ts";
import { loggedByPid } from "../postgres/server_log.ts";
import { type Moment, moments, type Outcome, type Running } from "./moments.ts";

export interface Fault {
  readonly name: string;
  /** What every client must see; "either" where both are right. */
  readonly sees: "done" | "error" | "either";
  /** A command brings it: work that ends by itself may be over before. */
  readonly comesLate?: true;
  /** Results of this moment under way still pass, and may be all there are. */
  readonly lets?: "copy out";
  /** It ends some statements of a pipeline and not those behind them. */
  readonly leavesHoles?: true;
  /** No answer for so long is a hang; ten seconds where not told otherwise. */
  readonly hangMs?: number;
  inject(site: Site, running: readonly Running[]): Promise<void>;
  /** Ends the trouble. */
  mend?(site: Site): Promise<void>;
}

/** In each file's process; it makes the statements of each strike different. */
let strikes = 0;

const hangMs = 10_000;
/** New sessions work so soon after the end of the trouble. */
const backMs = 5_000;

/**
 * Begins work of each kind, lets the fault strike, finishes the work, ends the trouble, and throws
 * where a client hung, was told less than the truth, or the database kept a half. `env` is asked
 * again after the trouble.
 */
export async function strike(site: Site, fault: Fault, env: () => Env): Promise<void> {
  const number = ++strikes;
  const cells = await Promise.all(moments.map(async (moment) => {
    const tag = `${fault.name} ${number}, ${moment.name}`;
    return { moment, tag, running: await moment.begin(env(), tag) };
  }));
  const outcomes: Outcome[] = [];
  try {
    await delay(Math.random() * 300);
    await fault.inject(site, cells.map(({ running }) => running));
    outcomes.push(
      ...await Promise.all(
        cells.map(({ tag, running }) => within(tag, fault.hangMs ?? hangMs, running.finish())),
      ),
    );
  } finally {
    for (const { running } of cells) running.client.close();
    await fault.mend?.(site);
  }
  const fresh = await within(
    `a new session after ${fault.name}`,
    backMs + 1000,
    waitFor("a login", backMs, () => RawClient.login(env()).catch(() => null)),
  );
  await nobodyElse(fresh);
  const problems: string[] = [];
  for (const [index, { moment, tag }] of cells.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined) continue;
    const mayBeOver = (fault.comesLate && !moment.waits) || fault.lets === moment.name;
    const isOver = mayBeOver && outcome.seen === "done";
    if (fault.sees !== "either" && outcome.seen !== fault.sees && !isOver) {
      problems.push(`${tag}: ${outcome.seen} ${outcome.said}`);
    }
    const found = await rowsOf(fresh, tag);
    const mayHaveHoles = fault.leavesHoles === true && !moment.atomic;
    problems.push(
      ...judge(moment, tag, outcome, mayHaveHoles ? { ...found, last: found.rows } : found),
    );
  }
  fresh.close();
  deepStrictEqual(problems, []);
}

/** Backends whose client or agent is gone end soon, and their transactions with them. */
async function nobodyElse(client: RawClient): Promise<void> {
  const others = "select pid, state, query from pg_stat_activity " +
    "where usename = 'alice' and pid <> pg_backend_pid()";
  let left: string[][] = [];
  await waitFor("other backends end", hangMs, async () => {
    left = await client.query(others);
    return left.length === 0;
  }).catch((e) => {
    throw new Error(`${e.message}: ${JSON.stringify(left)}`);
  });
}

async function rowsOf(client: RawClient, tag: string): Promise<{ rows: number; last: number }> {
  const [row = []] = await client.query(
    `select count(*), coalesce(max(n), 0) from moment where tag = '${tag}'`,
  );
  return { rows: Number(row[0]), last: Number(row[1]) };
}

function judge(
  moment: Moment,
  tag: string,
  outcome: Outcome,
  { rows, last }: { rows: number; last: number },
): string[] {
  const problems: string[] = [];
  const seen = `${tag}: ${outcome.seen} ${outcome.said}`;
  if (outcome.problem !== "") problems.push(`${seen}: ${outcome.problem}`);
  if (rows !== last) problems.push(`${seen}: ${rows} rows, the last is ${last}`);
  if (rows < outcome.stored) {
    problems.push(`${seen}: ${rows} rows, told of ${outcome.stored}`);
  }
  if (moment.atomic && rows !== 0 && rows !== outcome.most) {
    problems.push(`${seen}: ${rows} of ${outcome.most} rows`);
  }
  return problems;
}

async function countEvents(site: Site): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const event of await site.events(["--events=db.session.query"])) {
    const text = String(event["db_query"]);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return counts;
}

/** Throws where a statement of the moments that the server logged has no event, or several. */
export async function eachOnce(site: Site, atLeast: number): Promise<void> {
  const log = await Deno.readTextFile(site.postgres.logFile);
  const logged = [...loggedByPid(log).values()].flat().filter((text) => text.includes("/* moment"));
  ok(logged.length >= atLeast, `only ${logged.length} logged`);
  let counts = new Map<string, number>();
  await waitFor("all events", 20_000, async () => {
    counts = await countEvents(site);
    return logged.every((text) => counts.has(text));
  }).catch(() => {});
  deepStrictEqual(logged.filter((text) => !counts.has(text)), [], "without an event");
  deepStrictEqual(logged.filter((text) => (counts.get(text) ?? 0) > 1), [], "more than one event");
}
