/** redis-benchmark through proxy and agent, beside the same straight to the server over TLS. */
import { join } from "../lab/paths.ts";
import { installedRedis, type RedisServer, sha256, startRedis } from "../lab/redis.ts";
import type { Person, Service } from "../lab/services.ts";
import { startService } from "../lab/services.ts";
import type { Site } from "../lab/site.ts";
import { run as runProgram, waitFor, which } from "../lab/tools.ts";
import type { Figure, FigureWork, Found, Lab } from "./figure.ts";
import { ratios } from "./numbers.ts";
import { forwarderTo } from "./peers.ts";

/** Clients, and commands that each sends at once. */
const loads = [[1, 1], [32, 1], [32, 16]] as const;
const commands = ["set", "get"] as const;
/** Before anything counts: what is measured is code that is warm. */
const warmUpSeconds = 10;
const user = "bench";
const password = "of the benchmark";
const bar = { atLeast: 0.3, goal: 0.6 };

export const redis: FigureWork = {
  name: "redis",
  title: "Redis",
  about:
    "redis-benchmark's SET and GET of 3 bytes, by 1 and 32 clients, with one command at a time " +
    "and with 16 in a pipeline: through proxy and agent, which record every command with its " +
    "arguments (`strict`), through a forwarder of the same legs that does nothing else (what the " +
    "runtime itself takes), and straight to the server, TLS all. They take turns; a ratio is the " +
    "median of those of each round.",
  figures: loads.flatMap(([clients, pipeline]) =>
    commands.flatMap((command): Figure[] => [
      { name: ratioOf(command, clients, pipeline), unit: "", bar },
      { name: floorOf(command, clients, pipeline), unit: "" },
      { name: rateOf(command, clients, pipeline), unit: "commands/s" },
    ])
  ),
  isQuick: false,
  run,
};

function ratioOf(command: string, clients: number, pipeline: number): string {
  return `${command}, c${clients}, -P ${pipeline}: native / direct`;
}

function floorOf(command: string, clients: number, pipeline: number): string {
  return `${command}, c${clients}, -P ${pipeline}: forwarder / direct`;
}

function rateOf(command: string, clients: number, pipeline: number): string {
  return `${command}, c${clients}, -P ${pipeline}: native`;
}

type Way = readonly string[];

async function run(lab: Lab): Promise<readonly Found[]> {
  const binaries = await installedRedis();
  if (binaries === null || await which("redis-benchmark") === null) {
    lab.say("not measured: redis: redis-server and redis-tools are not installed");
    return [];
  }
  const { site } = await lab.product();
  const dir = join(site.dir, "redis");
  await Deno.mkdir(dir, { recursive: true });
  const server = await startServer(site, dir, binaries);
  let agent: Service | null = null;
  let forwarder: Awaited<ReturnType<typeof forwarderTo>> | null = null;
  try {
    agent = await startAgent(site, server);
    const native = await nativeWay(await personOf(site));
    const init = { dir, authority: site.authority, databaseUser: user };
    forwarder = await forwarderTo(server.port, "tls", init);
    const direct = directWay(server);
    const ways = { native, direct, forwarder: toPort(direct, forwarder.port) };
    for (const way of turns) await measure(ways[way], 32, 1, warmUpSeconds);
    const found: Found[] = [];
    for (const [clients, pipeline] of loads) {
      found.push(...await race(lab, ways, clients, pipeline));
    }
    return found;
  } finally {
    await forwarder?.stop();
    await agent?.stop();
    await server.stop();
  }
}

const turns = ["native", "forwarder", "direct"] as const;
type Name = typeof turns[number];

async function race(
  lab: Lab,
  ways: Readonly<Record<Name, Way>>,
  clients: number,
  pipeline: number,
): Promise<Found[]> {
  const rates = {
    native: new Map<string, number[]>(),
    forwarder: new Map<string, number[]>(),
    direct: new Map<string, number[]>(),
  };
  for (let round = 0; round <= lab.rounds; round++) {
    for (const way of round % 2 === 0 ? turns : turns.toReversed()) {
      const got = await measure(ways[way], clients, pipeline, lab.seconds);
      for (const [command, rate] of got) {
        if (rate === 0) lab.stalled(`redis ${way} ${command} c${clients} -P ${pipeline}`);
        if (round > 0) rates[way].set(command, [...rates[way].get(command) ?? [], rate]);
      }
      const said = [...got].map(([command, rate]) => `${command} ${rate.toFixed(0)}/s`).join(", ");
      lab.say(`redis c${clients} -P ${pipeline} round ${round} ${way}: ${said}`);
    }
  }
  return commands.flatMap((command): Found[] => {
    const of = (way: Name) => rates[way].get(command) ?? [];
    const toDirect = (way: Name) => ratios(of(way), of("direct"));
    return [
      { figure: ratioOf(command, clients, pipeline), rounds: toDirect("native") },
      { figure: floorOf(command, clients, pipeline), rounds: toDirect("forwarder") },
      { figure: rateOf(command, clients, pipeline), rounds: of("native") },
    ];
  });
}

/** Commands a second of each kind; about as many of them as take so many seconds through us. */
async function measure(
  way: Way,
  clients: number,
  pipeline: number,
  seconds: number,
): Promise<Map<string, number>> {
  const count = Math.round(seconds * (clients === 1 ? 1_500 : 6_000) * Math.sqrt(pipeline));
  const done = await runProgram("redis-benchmark", [
    ...[...way, "--csv", "-t", commands.join(","), "-r", "100000"],
    ...["-n", String(count), "-c", String(clients), "-P", String(pipeline)],
  ]);
  const rates = new Map<string, number>(commands.map((command) => [command, 0]));
  for (const line of done.stdout.split("\n")) {
    const [name = "", rate = ""] = line.split(",").map((cell) => cell.replaceAll('"', ""));
    if (rates.has(name.toLowerCase())) rates.set(name.toLowerCase(), Number(rate));
  }
  return rates;
}

async function startServer(
  site: Site,
  dir: string,
  binaries: NonNullable<Awaited<ReturnType<typeof installedRedis>>>,
): Promise<RedisServer> {
  const { cert, key } = await site.authority.server("localhost", "127.0.0.1");
  const client = await site.authority.client(user);
  const clientCa = site.authority.pem + await site.databaseClientCa();
  const tls = { cert, key, client, clientCa, serverCa: site.authority.pem };
  const users = [`user ${user} on "#${await sha256(password)}" ~* &* +@all`];
  return await startRedis({ binaries, dir, tls, users });
}

async function startAgent(site: Site, { port, dir: serverDir }: RedisServer): Promise<Service> {
  const dir = join(site.dir, "agent-redis");
  await Deno.mkdir(dir, { recursive: true });
  const file = join(dir, "password");
  await Deno.writeTextFile(file, password, { mode: 0o600 });
  return await startService({
    name: "agent-redis",
    dir,
    config: {
      remoteler: { ...await site.joining("db", dir), proxy_server: site.proxyAddress },
      db_service: {
        enabled: true,
        databases: [{
          name: "redis",
          protocol: "redis",
          uri: `localhost:${port}`,
          tls: { mode: "verify-full", ca_cert_file: join(serverDir, "server-ca.pem") },
          credentials: { type: "secret", password_file: file },
        }],
      },
    },
  });
}

async function personOf(site: Site): Promise<Person> {
  const person = await site.addUser("redis-bench", { dbUsers: [user], dbNames: ["0"] });
  await site.login(person, "redis-bench");
  const asked = ["db", "login", "redis", "--db-user", user, "--db-name", "0"];
  await waitFor("redis is served", 20_000, async () => (await person.tsh(asked)).code === 0);
  return person;
}

/** Options for the way through: address and files of the certificate. */
async function nativeWay(person: Person): Promise<Way> {
  const text = await person.mustTsh(["db", "config", "redis", "--format=json"]);
  const { host, port, ca, cert, key } = JSON.parse(text);
  return optionsOf(host, port, { ca, cert, key });
}

function directWay({ port, dir }: RedisServer): Way {
  const files = {
    ca: join(dir, "server-ca.pem"),
    cert: join(dir, "client.pem"),
    key: join(dir, "client.key"),
  };
  return [...optionsOf("localhost", port, files), "--user", user, "-a", password];
}

function toPort(way: Way, port: number): Way {
  return way.with(way.indexOf("-p") + 1, String(port));
}

function optionsOf(
  host: string,
  port: number,
  { ca, cert, key }: { readonly ca: string; readonly cert: string; readonly key: string },
): Way {
  const files = ["--cacert", ca, "--cert", cert, "--key", key];
  return ["-h", host, "-p", String(port), "--tls", ...files];
}
