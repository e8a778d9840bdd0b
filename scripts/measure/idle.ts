/** What a session costs that does nothing. */
import { join } from "../lab/paths.ts";
import { Site } from "../lab/site.ts";
import { must, residentMiB } from "../lab/tools.ts";
import { Companion } from "./companion.ts";
import type { FigureWork, Found, Lab } from "./figure.ts";
import { benchSql, benchUser, logInTo, pathThrough, postgresPrograms } from "./ground.ts";
import { settled, settledLooks } from "./settled.ts";
import { atRest } from "./works.ts";

const whole = "memory per session, proxy and agents together";
const socket = "of that, the database's own TLS socket (measured apart)";
const besides = "memory per session besides the database's socket";
const logins = "logins";

export const idle: FigureWork = {
  name: "idle",
  title: "Idle sessions",
  about: "5,000 logged-in sessions that say nothing, each with TLS and a client certificate on " +
    "both sides: what resident memory of proxy and agents grew by, over what it was after 200 " +
    "sessions had come and gone. The database is a listener that speaks TLS and the login and " +
    "has no server behind it, since 5,000 PostgreSQL backends would need more memory than this " +
    "machine has. Three agents serve it, as a tunnel carries 2,048 streams at most.",
  figures: [
    { name: besides, unit: "KiB", bar: { atMost: 40 } },
    { name: whole, unit: "KiB" },
    { name: socket, unit: "KiB" },
    { name: logins, unit: "/s" },
  ],
  isQuick: true,
  run,
};

async function run(lab: Lab): Promise<readonly Found[]> {
  const programs = await postgresPrograms();
  if (programs === null) throw new Error("PostgreSQL is needed");
  const dir = join(lab.dir, "idle");
  await must("mkdir", ["-p", "-m", "0711", dir]);
  let database: Companion | null = null;
  let site: Site | null = null;
  try {
    site = await Site.open({
      dir,
      binaries: programs.binaries,
      sql: benchSql,
      databases: { bench: {} },
      agents: lab.isQuick ? 1 : 3,
      say: lab.say,
      moreDatabases: async (opening) => {
        database ??= await startDatabase(opening);
        return [await servedDatabase(opening, database)];
      },
    });
    if (database === null) throw new Error("the database was not started");
    return await measure(lab, site, database);
  } finally {
    await site?.close();
    await (database as Companion | null)?.end();
  }
}

async function startDatabase(site: Site): Promise<Companion> {
  const pair = await site.authority.server("localhost", "127.0.0.1");
  const [cert, key] = [join(site.dir, "quiet.pem"), join(site.dir, "quiet.key")];
  await Deno.writeTextFile(cert, pair.cert);
  await Deno.writeTextFile(key, pair.key, { mode: 0o600 });
  return new Companion("quiet_database", [cert, key]);
}

async function servedDatabase(site: Site, database: Companion): Promise<Record<string, unknown>> {
  return {
    name: "quiet",
    protocol: "postgres",
    uri: `localhost:${await database.ask<number>("port")}`,
    tls: { mode: "verify-full", ca_cert_file: join(site.dir, "server-ca.pem") },
  };
}

async function measure(lab: Lab, site: Site, database: Companion): Promise<readonly Found[]> {
  const person = await benchUser(site);
  await logInTo(person, "quiet");
  const path = await pathThrough(site, person, "quiet", site.agents.map(({ pid }) => pid));
  const clients = new Companion("idle_clients", [JSON.stringify(path.env)]);
  const memory = () => path.pids.reduce((sum, pid) => sum + residentMiB(pid) * 1024, 0);
  const [some, many] = lab.isQuick ? [50, 200] : [200, 5000];
  const looks = lab.isQuick ? 1 : settledLooks;
  try {
    await clients.ask(`open ${some}`);
    await clients.ask("close");
    await atRest(path.pids);
    const before = await settled(memory, looks);
    const from = performance.now();
    const opened = await clients.ask<number>(`open ${many}`);
    const seconds = (performance.now() - from) / 1000;
    if (opened !== many) lab.stalled(`idle: ${opened} of ${many} sessions`);
    lab.say(`idle: ${many} sessions in ${seconds.toFixed(0)} s`);
    await atRest(path.pids);
    const each = (await settled(memory, looks) - before) / many;
    const own = await socketKiB(site, database, { count: lab.isQuick ? 200 : 1000, looks });
    return [
      { figure: besides, rounds: [each - own] },
      { figure: whole, rounds: [each] },
      { figure: socket, rounds: [own] },
      { figure: logins, rounds: [many / seconds] },
    ];
  } finally {
    await clients.end();
  }
}

/** What a TLS connection to the database costs a process that does no more than hold it. */
async function socketKiB(
  site: Site,
  database: Companion,
  { count, looks }: { readonly count: number; readonly looks: number },
): Promise<number> {
  const port = await database.ask<number>("port");
  const holder = new Companion("database_sockets", [
    ...[String(port), join(site.dir, "server-ca.pem"), String(looks)],
  ]);
  try {
    const before = await holder.ask<number>("100");
    return (await holder.ask<number>(String(count)) - before) / count;
  } finally {
    await holder.end();
  }
}
