/** How many events a second are durable at the far end. */
import { join } from "../lab/paths.ts";
import { cpuSeconds } from "../lab/tools.ts";
import { Companion } from "./companion.ts";
import type { FigureWork, Found, Lab } from "./figure.ts";

const rate = "events durable end to end";
const agentCpu = "CPU per event, recording and shipping";
const authCpu = "CPU per event, Auth";

export const auditThroughput: FigureWork = {
  name: "audit-throughput",
  title: "Audit events, durable end to end",
  about: "A process with the agent's own recorder, spool (real files, `strict`) and shipper " +
    "records statements of 32 sessions as fast as the spool takes them; the Auth Service, a " +
    "process of its own behind HTTP over mutual TLS, chains them and fsyncs its log. The clock " +
    "stops when the last event is acknowledged. An event is a statement: its intent and its " +
    "result in the spool.",
  figures: [
    { name: rate, unit: "events/s", bar: { atLeast: 20_000 } },
    { name: agentCpu, unit: "µs" },
    { name: authCpu, unit: "µs" },
  ],
  isQuick: true,
  run,
};

async function run(lab: Lab): Promise<readonly Found[]> {
  const { site } = await lab.product();
  const dir = join(site.dir, "feeder");
  const remoteler = {
    ...await site.joining("db", dir),
    auth_server: site.auth.ready.auth_address,
    data_dir: join(dir, "data"),
  };
  const config = join(dir, "remoteler.yaml");
  await Deno.writeTextFile(config, JSON.stringify({ version: "v1", remoteler, db_service: {} }));
  const feeder = new Companion("audit_feeder", [config]);
  const [rates, agent, auth]: [number[], number[], number[]] = [[], [], []];
  const events = lab.isQuick ? 6_400 : 96_000;
  try {
    for (let round = 0; round <= lab.rounds; round++) {
      const before = cpuSeconds(site.auth.pid);
      const { seconds, cpuMs } = await feeder.ask<{ seconds: number; cpuMs: number }>(`${events}`);
      const authMs = (cpuSeconds(site.auth.pid) - before) * 1000;
      lab.say(`audit-throughput round ${round}: ${(events / seconds).toFixed(0)} events/s`);
      if (round === 0) continue;
      rates.push(events / seconds);
      agent.push(cpuMs * 1000 / events);
      auth.push(authMs * 1000 / events);
    }
  } finally {
    await feeder.end();
  }
  return [
    { figure: rate, rounds: rates },
    { figure: agentCpu, rounds: agent },
    { figure: authCpu, rounds: auth },
  ];
}
