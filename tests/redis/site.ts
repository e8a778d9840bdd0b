/** Sites with a real Redis behind them: what the tests of a single server and of clusters share. */
import { join } from "../../scripts/lab/paths.ts";
import type { RedisBinaries, RedisServer } from "../../scripts/lab/redis.ts";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { freePort, waitFor } from "../../scripts/lab/tools.ts";
import { have, siteSuite } from "../site.ts";
import { endpointOf, type RedisEndpoint } from "./endpoint.ts";
import { anyRedis, passwords, serverTls, singleRedis } from "./server.ts";

const installed = await have("redis-server", "Redis behind a site") &&
  await have("redis-cli", "Redis behind a site");

/** The site of one test file: its servers, its people, and its end. */
export interface RedisSiteParts {
  /** Starts the servers, once, and gives the databases that they are. */
  readonly serve: (site: Site) => Promise<readonly Record<string, unknown>[]>;
  readonly prepare: (site: Site) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Declares tests that share a site; they are left out where there is no Redis. */
export function redisSiteSuite(
  { serve, prepare, stop }: RedisSiteParts,
): (name: string, run: (site: Site) => Promise<void>) => void {
  if (!installed) return (name) => Deno.test({ name, ignore: true, fn: () => {} });
  return siteSuite({ moreDatabases: serve }, prepare, stop);
}

/** A server as a database of the configuration, logged in to as `user` with its password. */
export async function redisDatabase(
  site: Site,
  name: string,
  port: number,
  user = "alice",
): Promise<Record<string, unknown>> {
  const file = join(site.dir, `redis-password-${user}`);
  await Deno.writeTextFile(file, passwords[user] ?? "", { mode: 0o600 });
  return {
    ...{ name, uri: `localhost:${port}`, protocol: "redis", labels: { env: "test" } },
    tls: { mode: "verify-full", ca_cert_file: join(site.dir, "server-ca.pem") },
    credentials: { type: "secret", password_file: file },
  };
}

/** A role for every command, those without a category too: what a server says is compared. */
export async function everythingRole(site: Site): Promise<string> {
  const where = { db_labels: { "*": "*" }, db_users: ["alice", "reader"], db_names: ["*"] };
  const allow = { ...where, redis_commands: ["*", "@scripting"] };
  const name = "everything";
  await site.putRole(name, { allow });
  return name;
}

/** What the tests of one file share. */
export interface RedisSite {
  readonly site: Site;
  readonly server: RedisServer;
  /** Starts the server again where it was, once it has ended. */
  restart(): Promise<void>;
  /** May be `alice` of the server, in the databases 0 and 1; logged in to `cache`. */
  readonly alice: Person;
}

export interface RedisSuiteOptions {
  /** Further lines of redis.conf. */
  readonly settings?: readonly string[];
  /** Those of this system where left out. */
  readonly binaries?: RedisBinaries;
  /** Her role allows every command; else what a role does by itself. */
  readonly everything?: boolean;
}

/** Declares tests that share one site; its database `cache` is a single server. */
export function redisSuite(
  options: RedisSuiteOptions = {},
): (name: string, run: (on: RedisSite) => Promise<void>) => void {
  let server: RedisServer;
  let alice: Person;
  const start = async (site: Site, port: number) => {
    server = await startServer(site, options, port);
  };
  const test = redisSiteSuite({
    serve: async (site) => {
      if (server === undefined) await start(site, freePort());
      return [await redisDatabase(site, "cache", server.port)];
    },
    prepare: async (site) => {
      const roles = options.everything ? [await everythingRole(site)] : ["access"];
      alice = await site.addUser("alice", { roles, dbUsers: ["alice"], dbNames: ["0", "1"] });
      await site.login(alice, "alice");
      await alice.mustTsh(["db", "login", "cache", "--db-user=alice", "--db-name=0"]);
    },
    stop: async () => await server?.stop(),
  });
  return (name, run) =>
    test(name, (site) => {
      return run({ site, server, alice, restart: () => start(site, server.port) });
    });
}

async function startServer(
  site: Site,
  { settings = [], binaries }: RedisSuiteOptions,
  port: number,
): Promise<RedisServer> {
  const tls = await serverTls(site.authority, await site.databaseClientCa(), "required");
  const dir = join(site.dir, "redis");
  return await singleRedis({ binaries: binaries ?? await anyRedis(), dir, tls, settings, port });
}

/** The single server through the proxy, with the files that the person has now. */
export function through(person: Person): Promise<RedisEndpoint> {
  return endpointOf(person, "cache");
}

/** A command as the audit log has it. */
export interface RecordedCommand {
  readonly args: readonly string[];
  readonly reply?: string;
  readonly error?: string;
  readonly cut?: readonly { readonly index: number; readonly bytes: number; sha256?: string }[];
}

/** All commands of the log, in its order. */
export async function commandsIn(site: Site): Promise<readonly RecordedCommand[]> {
  const events = await site.events(["--events=db.session.query"]);
  return events.flatMap(({ commands }) => Array.isArray(commands) ? commands : []);
}

/** The same once one of them is there with its answer: an event is on its way for a moment. */
export async function commandsOnce(
  site: Site,
  isMeant: (command: RecordedCommand) => boolean,
): Promise<readonly RecordedCommand[]> {
  return await waitFor("a command is in the log", 10_000, async () => {
    const found = await commandsIn(site);
    const isThere = found.some((command) => command.reply !== undefined && isMeant(command));
    return isThere ? found : null;
  });
}
