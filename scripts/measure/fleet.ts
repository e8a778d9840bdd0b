/** What a large fleet costs the two services in its middle, at rest. */
import { join } from "../lab/paths.ts";
import { programs } from "../lab/services.ts";
import { Site } from "../lab/site.ts";
import { cpuSeconds, delay, must, residentMiB, waitFor } from "../lab/tools.ts";
import { Companion } from "./companion.ts";
import type { FigureWork, Found, Lab } from "./figure.ts";
import { benchSql, benchUser, postgresPrograms } from "./ground.ts";

const atRestCpu = "CPU at rest, Auth and proxy together";
const authCpu = "of that, Auth";
const listing = "`tsh db ls`";
const authMemory = "memory, Auth";
const proxyMemory = "memory, proxy";
const joining = "agents joined, connected and known";

export const fleet: FigureWork = {
  name: "fleet",
  title: "A fleet: 1,000 agents with 10 databases each",
  about:
    "1,000 Database Services in one load process, each with its own joined identity, tunnel, " +
    "heartbeats and watching cache, everything through the one proxy; one Auth Service. Nobody " +
    "uses a database. CPU is that of the two services over a minute, as a share of one core. " +
    "`tsh db ls` lists all 10,000 databases, start of the program included.",
  figures: [
    { name: atRestCpu, unit: "cores", bar: { atMost: 0.5 } },
    { name: authCpu, unit: "cores" },
    { name: listing, unit: "ms", bar: { atMost: 300 } },
    { name: authMemory, unit: "MiB" },
    { name: proxyMemory, unit: "MiB" },
    { name: joining, unit: "/s" },
  ],
  isQuick: false,
  run,
};

const databases = 10;

async function run(lab: Lab): Promise<readonly Found[]> {
  const found = await postgresPrograms();
  if (found === null) throw new Error("PostgreSQL is needed");
  const { binaries } = found;
  const dir = join(lab.dir, "fleet");
  await must("mkdir", ["-p", "-m", "0711", dir]);
  const site = await Site.open({
    ...{ dir, binaries, sql: benchSql, databases: { bench: {} }, say: lab.say },
  });
  let agents: Companion | null = null;
  try {
    agents = new Companion("fleet_agents", [await configFile(site), String(databases)]);
    return await measure(lab, site, agents);
  } finally {
    await agents?.end();
    await site.close();
  }
}

/** One token for all of them. */
async function configFile(site: Site): Promise<string> {
  const dir = join(site.dir, "agents");
  await Deno.mkdir(dir);
  const made = await site.remoteler([
    ...["tokens", "add", "--type=db", "--services=*", "--uses=0", "--format=json"],
  ]);
  await Deno.writeTextFile(join(dir, "token"), JSON.parse(made).token, { mode: 0o600 });
  const remoteler = {
    data_dir: dir,
    proxy_server: site.proxyAddress,
    join: { method: "token", token_file: join(dir, "token") },
    ca_pin: site.caPin,
  };
  const path = join(dir, "remoteler.yaml");
  await Deno.writeTextFile(path, JSON.stringify({ version: "v1", remoteler, db_service: {} }));
  return path;
}

async function measure(lab: Lab, site: Site, agents: Companion): Promise<readonly Found[]> {
  const count = lab.isQuick ? 50 : 1000;
  const from = performance.now();
  await agents.ask(`add ${count}`);
  await waitFor("all agents are connected", 60_000, async () => {
    const well = await agents.ask<number>("count");
    lab.say(`fleet: ${well} of ${count} agents have a tunnel`);
    if (well < count) await delay(2000);
    return well === count;
  });
  const joinSeconds = (performance.now() - from) / 1000;
  // Each has told that it lives twice.
  await delay(lab.isQuick ? 5_000 : 35_000);
  const rest = await atRest(site, lab.isQuick ? 10 : 60);
  const listings = await listAll(lab, site, count * databases);
  return [
    { figure: atRestCpu, rounds: [rest.auth + rest.proxy] },
    { figure: authCpu, rounds: [rest.auth] },
    { figure: listing, rounds: listings, note: builtHow() },
    { figure: authMemory, rounds: [residentMiB(site.auth.pid)] },
    { figure: proxyMemory, rounds: [residentMiB(site.proxy.pid)] },
    { figure: joining, rounds: [count / joinSeconds] },
  ];
}

async function atRest({ auth, proxy }: Site, seconds: number) {
  const [before, beforeProxy] = [cpuSeconds(auth.pid), cpuSeconds(proxy.pid)];
  const from = performance.now();
  await delay(seconds * 1000);
  const elapsed = (performance.now() - from) / 1000;
  return {
    auth: (cpuSeconds(auth.pid) - before) / elapsed,
    proxy: (cpuSeconds(proxy.pid) - beforeProxy) / elapsed,
  };
}

async function listAll(lab: Lab, site: Site, wanted: number): Promise<readonly number[]> {
  const person = await benchUser(site);
  const known = JSON.parse(await person.mustTsh(["db", "ls", "--format=json"])).length;
  // The one of the site's own agent as well.
  if (known < wanted) lab.stalled(`fleet: tsh db ls shows ${known} of ${wanted} databases`);
  const times: number[] = [];
  for (let round = 1; round <= lab.rounds; round++) {
    const from = performance.now();
    await person.mustTsh(["db", "ls"]);
    times.push(performance.now() - from);
  }
  return times;
}

function builtHow(): string {
  const isBuilt = Deno.env.get("REMOTELER_DIST") !== undefined;
  const [program = ""] = programs().tsh;
  return isBuilt ? `by the executable ${program.split("/").at(-1)}` : "from the sources";
}
