/** What can go wrong in the middle of work: services, the database, the client, what is allowed. */
import { strictEqual } from "node:assert/strict";
import type { Site } from "../../scripts/lab/site.ts";
import { delay } from "../../scripts/lab/tools.ts";
import { message } from "../postgres/raw_client.ts";
import type { Fault } from "./strike.ts";

/** What Auth is told reaches every session within a second. */
const reachedMs = 1500;
/** Short enough to pass for slowness. */
const pauseMs = 2000;

type Service = Site["proxy"];

const ofServices: readonly Fault[] = [
  {
    name: "agent killed",
    sees: "error",
    inject: async (site) => await site.agents[0]?.kill(),
    mend: (site) => site.startAgent(0),
  },
  {
    name: "proxy killed",
    sees: "error",
    inject: (site) => site.proxy.kill(),
    mend: (site) => site.startProxy(),
  },
  {
    name: "Auth killed",
    sees: "done",
    inject: (site) => site.auth.kill(),
    mend: (site) => site.restartAuth(),
  },
  {
    name: "agent drains",
    sees: "done",
    inject: (site) => Promise.resolve(site.agents[0]?.signal("SIGTERM")),
    mend: async (site) => {
      strictEqual(await site.agents[0]?.ended(15_000), 0);
      await site.startAgent(0);
    },
  },
  {
    name: "proxy drains",
    sees: "done",
    inject: (site) => Promise.resolve(site.proxy.signal("SIGTERM")),
    mend: async (site) => {
      strictEqual(await site.proxy.ended(15_000), 0);
      await site.startProxy();
    },
  },
  {
    name: "agent ended while it drains",
    sees: "error",
    inject: (site) => endTwice(site.agents[0]),
    mend: (site) => site.startAgent(0),
  },
  {
    name: "proxy ended while it drains",
    sees: "error",
    inject: (site) => endTwice(site.proxy),
    mend: (site) => site.startProxy(),
  },
  {
    name: "agent hangs",
    sees: "error",
    // The proxy notices after 9 s of silence.
    hangMs: 12_000,
    inject: (site) => Promise.resolve(site.agents[0]?.signal("SIGSTOP")),
    mend: (site) => Promise.resolve(site.agents[0]?.signal("SIGCONT")),
  },
  ...(["agent", "proxy", "Auth"] as const).map((name): Fault => ({
    name: `${name} pauses`,
    sees: "done",
    inject: async (site) => {
      const service = { agent: site.agents[0], proxy: site.proxy, Auth: site.auth }[name];
      service?.signal("SIGSTOP");
      await delay(pauseMs);
      service?.signal("SIGCONT");
    },
  })),
];

const ofDatabase: readonly Fault[] = [
  {
    name: "database stopped",
    sees: "error",
    inject: (site) => site.postgres.stop("immediate"),
    mend: (site) => site.startPostgres(),
  },
  {
    name: "database shut down",
    sees: "error",
    inject: (site) => site.postgres.stop("fast"),
    mend: (site) => site.startPostgres(),
  },
  {
    name: "a backend crashes",
    sees: "error",
    inject: async (site) => {
      const [[pid] = []] = await asSuperuser(site, `select pid ${backends} limit 1`);
      Deno.kill(Number(pid), "SIGKILL");
    },
  },
  {
    name: "database pauses",
    sees: "done",
    inject: async (site) => {
      const pids = [site.postgres.pid, ...await childrenOf(site.postgres.pid)];
      for (const pid of pids) Deno.kill(pid, "SIGSTOP");
      await delay(pauseMs);
      for (const pid of pids) Deno.kill(pid, "SIGCONT");
    },
  },
  {
    name: "sessions terminated",
    sees: "error",
    comesLate: true,
    inject: async (site) => {
      await asSuperuser(site, `select pg_terminate_backend(pid) ${backends}`);
    },
  },
  {
    name: "statements cancelled",
    // One that rests in its transaction has none to cancel.
    sees: "either",
    leavesHoles: true,
    inject: async (site) => {
      await asSuperuser(site, `select pg_cancel_backend(pid) ${backends}`);
    },
  },
];

const ofClient: readonly Fault[] = [
  {
    name: "client half-closes",
    sees: "either",
    inject: async (_, running) => {
      for (const one of running) {
        one.quiet();
        await one.client.closeWrite();
      }
    },
  },
  {
    name: "client vanishes",
    sees: "error",
    // What it has not read makes the kernel send RST.
    inject: (_, running) => Promise.resolve(running.forEach(({ client }) => client.close())),
  },
  { name: "client reads nothing for a while", sees: "done", inject: () => delay(pauseMs) },
  {
    name: "client announces 1 GiB",
    sees: "error",
    lets: "copy out",
    inject: (_, running) => say(running, Uint8Array.of(0x51, 0x40, 0, 0, 0)),
  },
  {
    name: "client breaks the protocol",
    sees: "error",
    lets: "copy out",
    inject: (_, running) => say(running, message("?", "nonsense")),
  },
];

const ofRights: readonly Fault[] = [
  {
    name: "user locked",
    sees: "error",
    comesLate: true,
    inject: async (site) => {
      await site.remoteler(["lock", "--user=alice", "--message=matrix", "--ttl=1h"]);
      await delay(reachedMs);
    },
    mend: unlock,
  },
  {
    name: "host of the agent locked",
    sees: "error",
    comesLate: true,
    inject: async (site) => {
      const [agent] = JSON.parse(await site.remoteler(["get", "agent", "--format=json"]));
      const host = `--host=${agent.metadata.name}`;
      await site.remoteler(["lock", host, "--message=matrix", "--ttl=1h"]);
      await delay(reachedMs);
    },
    mend: unlock,
  },
];

/** Those that need nothing of the site but to be one. */
export const faults: readonly Fault[] = [
  ...ofServices,
  ...ofDatabase,
  ...ofClient,
  ...ofRights,
];

const backends = "from pg_stat_activity where usename = 'alice' and pid <> pg_backend_pid()";

async function asSuperuser(site: Site, text: string): Promise<string[][]> {
  const [program = "", ...args] = [
    ...["psql", "-XAt", "-h", site.postgres.socketDir, "-p", String(site.postgres.port)],
    ...["-U", "postgres", "-c", text],
  ];
  const { stdout } = await new Deno.Command(program, { args }).output();
  return new TextDecoder().decode(stdout).trim().split("\n").map((line) => line.split("|"));
}

/** The second signal does not wait for sessions. */
async function endTwice(service: Service | undefined): Promise<void> {
  service?.signal("SIGTERM");
  await delay(300);
  service?.signal("SIGTERM");
  await service?.ended();
}

async function say(
  running: Parameters<Fault["inject"]>[1],
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  for (const one of running) {
    one.quiet();
    await one.client.send(bytes).catch(() => {});
  }
}

async function unlock(site: Site): Promise<void> {
  const locks = JSON.parse(await site.remoteler(["get", "lock", "--format=json"]));
  for (const lock of locks) await site.remoteler(["rm", `lock/${lock.metadata.name}`]);
}

async function childrenOf(parent: number): Promise<number[]> {
  const found: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await Deno.readTextFile(`/proc/${name}/stat`).catch(() => "");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (Number(fields[1]) === parent) found.push(Number(name));
  }
  return found;
}
