/** How the orders of database tests and what came of them lie in the backend. */
import { trialOrder, type TrialStep, trialStep } from "../api/trials.ts";
import type { Entry, Key } from "../core/backend.ts";
import { Fault } from "../core/fault.ts";
import { type Output, read, v } from "../schema/mod.ts";
import { type Core, decodeJson } from "./powers.ts";

/** Who asked, as far as a login has to be decided again; null for the built-in admin. */
const trialAsker = v.nullable(v.strictObject({
  user: v.string(),
  generation: v.number(),
  session: v.string(),
  loginIp: v.string(),
  expires: v.number(),
}));
export type TrialAsker = Output<typeof trialAsker>;

const storedTrial = v.strictObject({ order: trialOrder, asker: trialAsker });
export type StoredTrial = Output<typeof storedTrial>;
/** Null as long as the agent has the order and has not answered. */
const storedResult = v.nullable(v.array(trialStep));

/** All orders of an agent. */
export function ordersOf(host: string): Key {
  return ["trial", host];
}

export function orderKey(host: string, id: string): Key {
  return [...ordersOf(host), id];
}

/** It is there as long as the order's login has not been used. */
export function loginKey(host: string, id: string): Key {
  return ["trial_login", host, id];
}

/** All answers to one test. */
export function resultsOf(id: string): Key {
  return ["trial_result", id];
}

export function resultKey(id: string, host: string): Key {
  return [...resultsOf(id), host];
}

export function trialIn({ value }: Entry): StoredTrial {
  return read(storedTrial, decodeJson(value), "stored order");
}

/** An answer; null: the order was handed to the agent. */
export function stepsIn(value: Uint8Array): TrialStep[] | null {
  return read(storedResult, decodeJson(value), "stored result");
}

/** The order that this agent has. @throws Fault `auth.no-trial` */
export async function trialOf(core: Core, host: string, id: string): Promise<StoredTrial> {
  const entry = await core.backend.get(orderKey(host, id));
  if (entry === null) throw noTrial();
  return trialIn(entry);
}

/** What was ordered is over, was never ordered of this agent, or its login was used. */
export function noTrial(): Fault {
  const shown = "this agent has no such test to make";
  return new Fault({
    kind: "missing",
    code: "auth.no-trial",
    message: shown,
    shown,
    hint: "ask again with: remoteler db test",
  });
}
