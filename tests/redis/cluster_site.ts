/** A real cluster behind a real site, and ways to ask it as a plain client. */
import { join } from "../../scripts/lab/paths.ts";
import type { RedisCluster } from "../../scripts/lab/redis_cluster.ts";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { type Finished, run } from "../../scripts/lab/tools.ts";
import { have, siteSuite } from "../site.ts";
import type { RedisEndpoint } from "./cluster_drivers.ts";
import { anyRedis, clusterRedis, passwords, serverTls, singleRedis } from "./server.ts";
import type { RedisBinaries, RedisServer } from "../../scripts/lab/redis.ts";

export interface ClusterSite {
  readonly site: Site;
  readonly cluster: RedisCluster;
  /** A server of its own with the same users: what "one big Redis" is held against. */
  readonly single: RedisServer;
  readonly alice: Person;
  /** The cluster through the proxy. */
  readonly through: RedisEndpoint;
  /** Straight to a server of the lab. */
  readonly direct: (port: number) => RedisEndpoint;
  /** redis-cli through the proxy, with the words of standard error after those of the output. */
  cli(args: readonly string[], input?: string): Promise<string>;
}

const installed = await have("redis-server", "a Redis cluster behind a site") &&
  await have("redis-cli", "a Redis cluster behind a site");

/** Declares tests that share a site with a cluster. */
export function clusterSuite(
  options: { readonly replicas?: number; readonly binaries?: RedisBinaries } = {},
): (name: string, run: (at: ClusterSite) => Promise<void>) => void {
  if (!installed) return (name) => Deno.test({ name, ignore: true, fn: () => {} });
  let cluster: RedisCluster;
  let single: RedisServer;
  let at: ClusterSite;
  const moreDatabases = async (site: Site): Promise<readonly Record<string, unknown>[]> => {
    const tls = await serverTls(site.authority, await site.databaseClientCa());
    const { binaries = await anyRedis() } = options;
    single = await singleRedis({ binaries, dir: join(site.dir, "single"), tls });
    cluster = await clusterRedis({ dir: join(site.dir, "cluster"), tls, ...options });
    const uri = `localhost:${cluster.nodes[0]?.port}`;
    return [
      await resource(site, uri, "shop", "alice"),
      await resource(site, uri, "read", "reader"),
    ];
  };
  const test = siteSuite({ moreDatabases }, async (site) => {
    await site.remoteler(["create", "-f", await roleFile(site)]);
    const roles = ["everything"];
    const alice = await site.addUser("alice", { roles, dbUsers: ["*"], dbNames: ["*"] });
    await site.login(alice, "alice");
    await alice.mustTsh(["db", "login", "shop", "--db-user=alice", "--db-name=0"]);
    at = await makeSite(site, alice, cluster, single);
  }, async () => {
    await cluster?.stop();
    await single?.stop();
  });
  return (name, run) => test(name, () => run(at));
}

/** The cluster as one account. */
async function resource(
  site: Site,
  uri: string,
  name: string,
  user: string,
): Promise<Record<string, unknown>> {
  const file = join(site.dir, `password-${user}`);
  await Deno.writeTextFile(file, passwords[user] ?? "", { mode: 0o600 });
  return {
    ...{ name, uri, protocol: "redis", labels: { env: "test" } },
    tls: { mode: "verify-full", ca_cert_file: join(site.dir, "server-ca.pem") },
    credentials: { type: "secret", password_file: file },
  };
}

/** A role for every command, those without a category too: what a server says is compared. */
async function roleFile(site: Site): Promise<string> {
  const where = { db_labels: { "*": "*" }, db_users: ["alice", "reader"], db_names: ["*"] };
  const allow = { ...where, redis_commands: ["*", "@scripting"] };
  const role = { kind: "role", version: "v1", metadata: { name: "everything" }, spec: { allow } };
  const file = join(site.dir, "everything.yaml");
  await Deno.writeTextFile(file, JSON.stringify(role));
  return file;
}

async function makeSite(
  site: Site,
  alice: Person,
  cluster: RedisCluster,
  single: RedisServer,
): Promise<ClusterSite> {
  const through = await endpointOf(alice, "shop");
  const pair = await site.authority.client("alice");
  const file = (name: string) => join(site.dir, `direct-${name}.pem`);
  const texts = { ca: site.authority.pem, cert: pair.cert, key: pair.key };
  for (const [name, text] of Object.entries(texts)) await Deno.writeTextFile(file(name), text);
  const direct = (port: number): RedisEndpoint => ({
    ...{ host: "localhost", port, ca: file("ca"), cert: file("cert"), key: file("key") },
    account: { user: "alice", password: passwords["alice"] ?? "" },
  });
  const cli = async (args: readonly string[], input?: string) => {
    const done = await redisCli(through, args, input);
    return done.stdout + done.stderr;
  };
  return { site, cluster, single, alice, through, direct, cli };
}

/** Where a database is reached after `tsh db login`. */
export async function endpointOf(person: Person, database: string): Promise<RedisEndpoint> {
  const { host, port, ca, cert, key } = JSON.parse(
    await person.mustTsh(["db", "config", database, "--format=json"]),
  );
  return { host, port, ca, cert, key, account: null };
}

/** Runs redis-cli against an endpoint. */
export async function redisCli(
  { host, port, ca, cert, key, account }: RedisEndpoint,
  args: readonly string[],
  input?: string,
): Promise<Finished> {
  const who = account === null ? [] : ["--user", account.user, "--no-auth-warning"];
  const files = ["--cacert", ca, "--cert", cert, "--key", key];
  return await run("redis-cli", [
    ...["-h", host, "-p", String(port), "--tls", ...files, ...who, ...args],
  ], {
    timeoutMs: 60_000,
    ...(account === null ? {} : { env: { REDISCLI_AUTH: account.password } }),
    ...(input === undefined ? {} : { input }),
  });
}
