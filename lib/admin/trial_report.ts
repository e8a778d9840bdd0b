/** What `db test` shows: the steps over all, and those of each agent. */
import type { CallOutput } from "../api/contract.ts";
import { table } from "../cli/mod.ts";
import { closest } from "../config/mod.ts";

type Item = CallOutput<"databases.test">;
type Agents = Extract<Item, { readonly type: "agents" }>["agents"];
type Steps = Extract<Item, { readonly type: "result" }>["steps"];

export interface ReportStep {
  readonly step: string;
  readonly state: "ok" | "failed" | "skipped";
  readonly found: string;
  /** What to do; null where nothing has to be done. */
  readonly hint: string | null;
}

export interface AgentReport {
  readonly agent: string;
  readonly host: string;
  readonly ok: boolean;
  readonly steps: readonly ReportStep[];
}

/** As `--format=json` has it; `ok` where no step failed. */
export interface TrialReport {
  readonly database: string;
  readonly ok: boolean;
  readonly steps: readonly ReportStep[];
  readonly agents: readonly AgentReport[];
}

/** What was asked, and what came of it. */
export interface TrialFacts {
  readonly database: string;
  /** The only agent to ask; null for all. */
  readonly agent: string | null;
  readonly agents: Agents;
  /** By host. */
  readonly results: ReadonlyMap<string, Steps>;
  /** Names of the databases there are. */
  readonly known: readonly string[];
}

export function reportOf(facts: TrialFacts): TrialReport {
  const { database, agents, results } = facts;
  const asked = agents.filter((one) => one.asked);
  const reports = asked.map(({ host, hostname }): AgentReport => {
    const steps = results.get(host) ?? [noAnswer];
    return { agent: hostname || host, host, ok: isWell(steps), steps };
  });
  reports.sort((a, b) => a.agent < b.agent ? -1 : 1);
  const steps = [nameStep(facts), ...(agents.length > 0 ? [agentsStep(facts)] : [])];
  const ok = isWell(steps) && reports.every((one) => one.ok);
  return { database, ok, steps, agents: reports };
}

function isWell(steps: readonly ReportStep[]): boolean {
  return steps.every(({ state }) => state !== "failed");
}

const noAnswer: ReportStep = {
  step: "answer",
  state: "failed",
  found: "the agent gave no answer in time",
  hint: "look at its log, and whether it is connected: remoteler db ls",
};

const namesShownMax = 10;

function nameStep({ database, agents, known }: TrialFacts): ReportStep {
  const step = "name";
  if (agents.length > 0) {
    return { step, state: "ok", found: `${database} is known`, hint: null };
  }
  const near = closest(database, known);
  const some = known.slice(0, namesShownMax).join(", ");
  const hint = near !== null
    ? `did you mean ${near}?`
    : known.length === 0
    ? "name it in db_service.databases of an agent"
    : `there are ${some}${known.length > namesShownMax ? ", ..." : ""}`;
  const found = "no agent serves a database of that name, or did so in the last day";
  return { step, state: "failed", found, hint };
}

/** One that is away matters only where nobody else is there, or it was asked for by name. */
function agentsStep({ agent, agents }: TrialFacts): ReportStep {
  const step = "agents";
  const isMeant = ({ host, hostname }: Agents[number]): boolean =>
    agent === null || agent === host || agent === hostname;
  const meant = agents.filter(isMeant);
  const nameOf = ({ host, hostname }: Agents[number]): string => hostname || host;
  const here = meant.filter(({ online }) => online).map(nameOf);
  const away = meant.filter(({ online }) => !online).map(nameOf);
  if (here.length > 0) {
    const rest = away.length === 0 ? "" : `; not connected: ${away.join(", ")}`;
    return { step, state: "ok", found: `connected: ${here.join(", ")}${rest}`, hint: null };
  }
  if (away.length > 0) {
    const hint = "start it, and see in its log that it reaches the proxy or Auth";
    return { step, state: "failed", found: `not connected: ${away.join(", ")}`, hint };
  }
  const found = `${agent} does not serve it`;
  return { step, state: "failed", found, hint: `those that do: ${agents.map(nameOf).join(", ")}` };
}

/** A row for each step, and below it what to do. */
export function drawReport({ steps, agents }: TrialReport): string {
  const all = [
    ...steps.map((one) => ({ ...one, agent: "" })),
    ...agents.flatMap(({ agent, steps: its }) => its.map((one) => ({ ...one, agent }))),
  ];
  const rows = all.flatMap(({ agent, step, state, found, hint }) => [
    { agent, step, state: String(state), found },
    ...(hint === null ? [] : [{ agent: "", step: "", state: "", found: `-> ${hint}` }]),
  ]);
  return table(
    [
      { title: "AGENT", cell: ({ agent }) => agent },
      { title: "STEP", cell: ({ step }) => step },
      { title: "STATE", cell: ({ state }) => state },
      { title: "FOUND", cell: ({ found }) => found },
    ],
    rows,
    Infinity,
  );
}
