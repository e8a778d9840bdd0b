/**
 * The calls by which an administrator has a database tried at the agents that serve it. Auth keeps
 * an order for each agent, the agent hears of its own and answers; what a login needs of a
 * certificate is signed for the order and for nothing else.
 */
import { type Output, v } from "../schema/mod.ts";
import { base64, issued } from "./fields.ts";
import { resourceName } from "./resources.ts";

const account = v.pipe(v.string(), v.minLength(1), v.maxLength(255));
const trialId = v.pipe(v.string(), v.uuid("the id of a test"));
const text = v.pipe(v.string(), v.maxLength(512));

/** The steps from an agent to a statement, in their order. */
export const trialSteps = [
  "tunnel",
  "address",
  "tcp",
  "tls",
  "certificate",
  "credentials",
  "login",
  "statement",
] as const;

/** What came of one step. */
export const trialStep = v.strictObject({
  step: v.picklist(trialSteps),
  state: v.picklist(["ok", "failed", "skipped"]),
  /** In words for administrators; no secret, and what a database said cut short. */
  found: text,
  /** What to do; null where nothing has to be done. */
  hint: v.nullable(text),
});
export type TrialStep = Output<typeof trialStep>;

/** Each step once, so that what an agent can say is bounded. */
const steps = v.pipe(v.array(trialStep), v.maxLength(trialSteps.length));

/** What an agent is asked to try. */
export const trialOrder = v.strictObject({
  id: trialId,
  database: resourceName,
  /** Null: no login is tried. */
  db_user: v.nullable(account),
  db_name: v.nullable(account),
});
export type TrialOrder = Output<typeof trialOrder>;

export const trialCalls = {
  /** First the agents, then each one's result as it comes, then the end. */
  "databases.test": {
    who: { verb: "create", on: "database_test" },
    input: v.strictObject({
      database: resourceName,
      /** To log in as; a user that asks needs roles that allow it. */
      db_user: v.optional(account),
      /** As `db_user` where left out. */
      db_name: v.optional(account),
      /** Host id or name of the only agent to ask. */
      agent: v.optional(account),
    }),
    output: v.variant("type", [
      v.strictObject({
        type: v.literal("agents"),
        /** All that serve it or served it in the last day. */
        agents: v.array(v.strictObject({
          host: v.string(),
          hostname: v.string(),
          online: v.boolean(),
          /** Whether it is asked; one that is away can't be. */
          asked: v.boolean(),
        })),
      }),
      /** `steps` is null where the agent gave no answer in time. */
      v.strictObject({ type: v.literal("result"), host: v.string(), steps: v.nullable(steps) }),
      v.strictObject({ type: v.literal("end") }),
    ]),
  },
  /** The calling agent's own orders, those that wait first. */
  "trials.watch": { who: "agent", input: v.strictObject({}), output: trialOrder },
  /** What came of an order; one that is over or another agent's is refused. */
  "trials.report": {
    who: "agent",
    input: v.strictObject({ id: trialId, steps }),
    output: v.strictObject({}),
  },
  /** A `db_client` certificate for the login of an order, once, for minutes. */
  "certificates.trial": {
    who: "agent",
    input: v.strictObject({ csr: base64, id: trialId }),
    output: issued,
  },
} as const;
