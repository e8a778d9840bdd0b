/** What the record of every statement costs, in CPU of proxy and agent. */
import { fromFileUrl, join } from "../lab/paths.ts";
import { type Service, startService } from "../lab/services.ts";
import type { Site } from "../lab/site.ts";
import type { FigureWork, Found, Lab } from "./figure.ts";
import { logInTo, pathThrough } from "./ground.ts";
import { ratios } from "./numbers.ts";
import type { Path } from "./path.ts";
import { type Bench, measure, type Work } from "./works.ts";

const costRatio = "CPU recorded / unrecorded";
const recordedCpu = "CPU per transaction, recorded";
const unrecordedCpu = "CPU per transaction, unrecorded";

export const auditCost: FigureWork = {
  name: "audit-cost",
  title: "What strict audit costs",
  about:
    "Point selects of 32 clients, CPU of proxy and agent until they are at rest, through two " +
    "agents of the same build that take turns: one records as always (`strict`), the spool of " +
    "the other keeps nothing and ships nothing. Both understand every statement and make its " +
    "event, as limits and metrics need it; what differs is encoding, writing and shipping.",
  figures: [
    { name: costRatio, unit: "", bar: { atMost: 1.1, goal: 1.03 } },
    { name: recordedCpu, unit: "µs" },
    { name: unrecordedCpu, unit: "µs" },
  ],
  isQuick: true,
  run,
};

const work: Work = { name: "simple", clients: 32, unit: "transactions/s" };
const kinds = ["recorded", "unrecorded"] as const;
type Kind = typeof kinds[number];

async function run(lab: Lab): Promise<readonly Found[]> {
  const { ground, site, person } = await lab.product();
  const agents: Service[] = [];
  try {
    const paths = new Map<Kind, Path>();
    for (const kind of kinds) {
      const agent = await startAgent(site, kind);
      agents.push(agent);
      await logInTo(person, kind);
      paths.set(kind, await pathThrough(site, person, kind, [agent.pid]));
    }
    const { seconds, leadSeconds } = lab;
    const cpu = await takeTurns(lab, { ...ground, seconds, leadSeconds }, paths);
    return [
      { figure: costRatio, rounds: ratios(cpu.recorded, cpu.unrecorded) },
      { figure: recordedCpu, rounds: cpu.recorded },
      { figure: unrecordedCpu, rounds: cpu.unrecorded },
    ];
  } finally {
    for (const agent of agents) await agent.stop();
  }
}

async function takeTurns(
  lab: Lab,
  bench: Bench,
  paths: ReadonlyMap<Kind, Path>,
): Promise<Record<Kind, number[]>> {
  const cpu: Record<Kind, number[]> = { recorded: [], unrecorded: [] };
  for (let round = 0; round <= lab.rounds; round++) {
    for (const kind of round % 2 === 0 ? kinds : kinds.toReversed()) {
      const path = paths.get(kind);
      if (path === undefined) continue;
      const got = await measure(bench, path, work);
      const when = round === 0 ? "warm-up" : `round ${round}`;
      lab.say(`audit-cost ${when} ${kind}: ${got.cpuUs.toFixed(0)} µs`);
      if (got.stall !== null) lab.stalled(`audit-cost ${kind}: ${got.stall}`);
      if (round > 0) cpu[kind].push(got.cpuUs);
    }
  }
  return cpu;
}

/** An agent of our own making that serves the benchmark's database under this name. */
async function startAgent(site: Site, kind: Kind): Promise<Service> {
  const dir = join(site.dir, `agent-${kind}`);
  const main = fromFileUrl(new URL("./agent_main.ts", import.meta.url));
  return await startService({
    name: `agent-${kind}`,
    dir,
    program: [
      ...[Deno.execPath(), "run", "--quiet", "-A", main],
      ...(kind === "unrecorded" ? ["--unrecorded"] : []),
    ],
    config: {
      remoteler: { ...await site.joining("db", dir), proxy_server: site.proxyAddress },
      db_service: {
        databases: [{
          name: kind,
          protocol: "postgres",
          uri: `localhost:${site.postgres.port}`,
          tls: { mode: "verify-full", ca_cert_file: join(site.dir, "server-ca.pem") },
        }],
      },
    },
  });
}
