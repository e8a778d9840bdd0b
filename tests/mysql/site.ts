/** A site with a real MariaDB or MySQL behind it, and how to come to that directly. */
import { join } from "../../scripts/lab/paths.ts";
import {
  debianMariadb,
  type MysqlBinaries,
  type MysqlServer,
  newestMysql,
  startMysql,
} from "../../scripts/lab/mysql.ts";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site, SiteOptions, UserOptions } from "../../scripts/lab/site.ts";
import { delay, type Finished, freePort, run } from "../../scripts/lab/tools.ts";
import { siteSuite, skipped } from "../site.ts";

/** A site, and one of the servers behind it. */
export interface MysqlSite {
  readonly site: Site;
  readonly server: MysqlServer;
  /** The name it is served as: that of its maker in lower case. */
  readonly service: string;
  /** The proxy's port for programs of MySQL. */
  readonly nativePort: number;
}

export interface MysqlSiteOptions {
  /** Statements beside those that make `alice` and the schema `shop`. */
  readonly sql?: (maker: MysqlBinaries["name"]) => readonly string[];
  readonly settings?: (maker: MysqlBinaries["name"]) => readonly string[];
  /** Databases beside the server itself: name and further fields of the configuration. */
  readonly more?: (at: MysqlSite) => Promise<readonly Record<string, unknown>[]>;
  readonly site?: Partial<SiteOptions>;
}

/** What this machine can run of MariaDB and MySQL; says what is left out, and why. */
export async function realServers(): Promise<readonly MysqlBinaries[]> {
  const mariadb = await debianMariadb();
  if (mariadb === null) skipped("MariaDB", "mariadb-server is not installed");
  const mysql = await newestMysql();
  if (mysql === null) skipped("MySQL", "Debian sid's packages can't be had");
  return [mariadb, mysql].filter((one) => one !== null);
}

/** `alice` comes in by her certificate and nothing else, and owns the schema `shop`. */
export const plainSql: readonly string[] = [
  "create database if not exists shop character set utf8mb4",
  "create user if not exists alice@'%' require subject '/CN=alice'",
  "grant all on shop.* to alice@'%'",
];

/**
 * Declares tests that share one site with every server there is; each test runs once for each
 * server.
 */
export function mysqlSuite(
  found: readonly MysqlBinaries[],
  options: MysqlSiteOptions = {},
  prepare: (site: Site) => Promise<void> = async () => {},
): (name: string, run: (at: MysqlSite) => Promise<void>) => void {
  const servers = new Map<string, MysqlServer>();
  const nativePort = freePort();
  const at = (site: Site, { name }: MysqlBinaries): MysqlSite => {
    const server = servers.get(name);
    if (server === undefined) throw new Error(`${name} did not start`);
    return { site, server, service: name.toLowerCase(), nativePort };
  };
  const served = async (site: Site) => {
    const all: Record<string, unknown>[] = [];
    for (const binaries of found) {
      const { name } = binaries;
      if (!servers.has(name)) servers.set(name, await startServer(site, binaries, options));
      const one = at(site, binaries);
      all.push(databaseOf(one.service, one.server), ...await options.more?.(one) ?? []);
    }
    return all;
  };
  const test = siteSuite(
    {
      ...options.site,
      proxyService: {
        mysql_listen_addr: `127.0.0.1:${nativePort}`,
        ...options.site?.proxyService,
      },
      moreDatabases: served,
    },
    prepare,
    async () => {
      for (const server of servers.values()) await server.stop("immediate");
    },
  );
  return (name, run) => {
    for (const binaries of found) {
      test(`${binaries.name}: ${name}`, (site) => run(at(site, binaries)));
    }
  };
}

/** As the configuration has it. */
export function databaseOf(
  name: string,
  { port }: Pick<MysqlServer, "port">,
): Record<string, unknown> {
  return { name, protocol: "mysql", uri: `localhost:${port}`, labels: { env: "test" } };
}

/** Its certificate and what it trusts are those that `remoteler auth sign` makes. */
async function startServer(
  site: Site,
  binaries: MysqlBinaries,
  { sql, settings }: MysqlSiteOptions,
): Promise<MysqlServer> {
  const { name } = binaries;
  const made = join(site.dir, `certificates-${name}`);
  const hosts = "--host=localhost,127.0.0.1";
  await site.remoteler(["auth", "sign", "--format=mysql", hosts, `--out=${made}`]);
  const file = (which: string) => Deno.readTextFile(join(made, which));
  return await startMysql({
    binaries,
    dir: join(site.dir, name),
    tls: {
      cert: await file("server.crt"),
      key: await file("server.key"),
      // The lab's own CA beside it: for clients that come directly.
      clientCa: await file("client-ca.crt") + site.authority.pem,
    },
    sql: [...plainSql, ...sql?.(name) ?? []],
    settings: settings?.(name) ?? [],
  });
}

/** Logs a new user in whose database account is `alice`, with certificates for all servers. */
export async function addAlice(
  site: Site,
  found: readonly MysqlBinaries[],
  { dbUsers = ["alice"], dbNames = ["shop"], roles = ["access"] }: UserOptions = {},
): Promise<Person> {
  const alice = await site.addUser("alice", { dbUsers, dbNames, roles });
  await site.login(alice, "alice");
  for (const { name } of found) {
    await alice.mustTsh(["db", "login", name.toLowerCase(), "--db-user=alice", "--db-name=shop"]);
  }
  return alice;
}

/** Where a program connects and with which files; the same for both ways. */
export interface Way {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Straight to the server, with a certificate of its own. */
export async function direct({ site, server }: MysqlSite, user = "alice"): Promise<Way> {
  const files = await site.direct(user, "shop");
  const ca = join(site.dir, "mysql-ca.pem");
  await Deno.writeTextFile(ca, await databaseCa(site));
  return {
    host: "localhost",
    port: server.port,
    user,
    database: "shop",
    ca,
    cert: files["PGSSLCERT"] ?? "",
    key: files["PGSSLKEY"] ?? "",
  };
}

async function databaseCa(site: Site): Promise<string> {
  return await site.remoteler(["get", "cert_authority/db", "--format=pem"]);
}

/** Through the proxy, on the port that it has for these programs. */
export async function native(person: Person, service: string): Promise<Way> {
  return JSON.parse(await person.mustTsh(["db", "config", service, "--format=json"]));
}

/** The server's own maker's client, over TLS with these files; nothing else of the machine's. */
export async function cli(
  { name, client: [program = "", ...first] }: MysqlBinaries,
  way: Way,
  args: readonly string[],
  input?: string | readonly (readonly [text: string, thenWaitMs: number])[],
): Promise<Finished> {
  const { host, port, user, database, ca, cert, key } = way;
  const isMariadb = name === "MariaDB";
  const verified = isMariadb ? ["--ssl-verify-server-cert"] : ["--ssl-mode=VERIFY_IDENTITY"];
  const plain = isMariadb ? ["--skip-ssl"] : ["--ssl-mode=DISABLED"];
  const all = [
    ...[...first, "--no-defaults", "--protocol=tcp", `--host=${host}`, `--port=${port}`],
    ...(ca === "" ? plain : [`--ssl-ca=${ca}`, ...verified]),
    `--user=${user}`,
    ...(cert === "" ? [] : [`--ssl-cert=${cert}`, `--ssl-key=${key}`]),
    ...["--batch", "--skip-column-names", ...args, database],
  ];
  if (typeof input !== "object") return await run(program, all, input ? { input } : {});
  const child = new Deno.Command(program, {
    args: all,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const typed = typeSlowly(child.stdin, input);
  const { code, stdout, stderr } = await child.output();
  await typed;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

async function typeSlowly(
  stdin: WritableStream<Uint8Array>,
  parts: readonly (readonly [string, number])[],
): Promise<void> {
  const writer = stdin.getWriter();
  for (const [text, ms] of parts) {
    await writer.write(new TextEncoder().encode(text)).catch(() => {});
    await delay(ms);
  }
  await writer.close().catch(() => {});
}

/** The role `loader`, which lets databases ask for files of the client's. */
export async function allowFiles(site: Site): Promise<void> {
  await site.putRole("loader", {
    allow: { db_labels: { "*": "*" }, db_users: ["alice"], db_names: ["shop"] },
    deny: {},
    options: { local_infile: "allow" },
  });
}

/** A port that `tsh proxy db` opened, in the clear. */
export function local(port: number): Way {
  return { host: "127.0.0.1", port, user: "alice", database: "shop", ca: "", cert: "", key: "" };
}
