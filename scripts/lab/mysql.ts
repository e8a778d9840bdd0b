/** A real MariaDB or MySQL for tests and benchmarks: Debian's, or sid's unpacked. */
import { join } from "./paths.ts";
import { sidMysql } from "./sid.ts";
import { exists, freePort, isRoot, must, run, type ServerUser, waitFor, which } from "./tools.ts";

/** A server that can be started, and the command line client that belongs to it. */
export interface MysqlBinaries {
  readonly name: "MariaDB" | "MySQL";
  /** The server's program and what comes before its own arguments. */
  readonly server: readonly string[];
  readonly client: readonly string[];
  readonly dump: readonly string[];
  /** Reads what replicas read. */
  readonly binlog: readonly string[];
  /** Arguments that tell the server where its own files are. */
  readonly places: readonly string[];
}

export interface MysqlOptions {
  readonly binaries: MysqlBinaries;
  /** A folder that is there or not; data, socket and logs go below it. */
  readonly dir: string;
  /** PEM of the server's certificate and key, and of the CAs of client certificates. */
  readonly tls: { readonly cert: string; readonly key: string; readonly clientCa: string };
  /** Further arguments of the server, as `--max-connections=500`. */
  readonly settings?: readonly string[];
  /** Run at each start, before connections are taken: a statement a line. */
  readonly sql: readonly string[];
  readonly port?: number;
  /** Network namespace to listen in; only root can. */
  readonly netns?: string;
}

export interface MysqlServer {
  readonly binaries: MysqlBinaries;
  readonly port: number;
  /** The superuser `root` may come in here without a password. */
  readonly socket: string;
  /** Statements as the server saw them. */
  readonly generalLog: string;
  readonly pid: number;
  /** Runs SQL as root; gives what the client prints, without headings. */
  query(sql: string): Promise<string>;
  stop(how?: "fast" | "immediate"): Promise<void>;
  signal(name: Deno.Signal): void;
}

/** Debian's MariaDB; null where it isn't installed. */
export async function debianMariadb(): Promise<MysqlBinaries | null> {
  const server = "/usr/sbin/mariadbd";
  const names = ["mariadb", "mariadb-dump", "mariadb-binlog"];
  const [client, dump, binlog] = await Promise.all(names.map(which));
  if (!(await exists(server)) || !client || !dump || !binlog) return null;
  return {
    name: "MariaDB",
    server: [server],
    client: [client],
    dump: [dump],
    binlog: [binlog],
    places: [],
  };
}

/** MySQL of Debian sid; null where it can't be had. */
export async function newestMysql(): Promise<MysqlBinaries | null> {
  const sid = await sidMysql();
  if (sid === null) return null;
  const program = (path: string) => {
    const { program, args } = sid.program(path);
    return [program, ...args];
  };
  const share = join(sid.files, "usr/share/mysql");
  return {
    name: "MySQL",
    server: program("usr/sbin/mysqld"),
    client: program("usr/bin/mysql"),
    dump: program("usr/bin/mysqldump"),
    binlog: program("usr/bin/mysqlbinlog"),
    places: [
      "--secure-file-priv=",
      `--lc-messages-dir=${share}`,
      `--character-sets-dir=${share}/charsets`,
      `--plugin-dir=${join(sid.files, "usr/lib/mysql/plugin")}`,
    ],
  };
}

/** Makes a data folder where there is none, starts the server and waits until it answers. */
export async function startMysql(options: MysqlOptions): Promise<MysqlServer> {
  const { binaries, dir } = options;
  const as = await serverUser();
  const port = options.port ?? freePort();
  const socket = join(dir, "socket");
  const log = join(dir, "error.log");
  await prepare(options, as);
  const into = options.netns === undefined ? [] : [
    ...["ip", "netns", "exec", options.netns],
    ...(as ? ["setpriv", `--reuid=${as.uid}`, `--regid=${as.gid}`, "--clear-groups"] : []),
  ];
  const program = [...into, ...binaries.server, ...await settings(options, { port, socket })];
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", 'log=$1; shift; exec "$@" >>"$log" 2>&1', "sh", log, ...program],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    cwd: dir,
    env: { TMPDIR: dir },
    ...(options.netns === undefined ? as ?? {} : {}),
  }).spawn();
  let ended = false;
  const status = child.status.then(() => {
    ended = true;
  });
  const query = (sql: string) => asRoot(binaries, socket, sql);
  await waitFor(`${binaries.name} is ready`, 60_000, async () => {
    if (ended) throw new Error(`${binaries.name} ended:\n${await Deno.readTextFile(log)}`);
    return await query("select 1").then(() => true, () => false);
  });
  return {
    binaries,
    port,
    socket,
    generalLog: join(dir, "general.log"),
    pid: child.pid,
    query,
    signal: (name) => child.kill(name),
    async stop(how = "fast") {
      if (!ended) child.kill(how === "fast" ? "SIGTERM" : "SIGKILL");
      await status;
    },
  };
}

async function settings(
  { binaries, dir, settings: more = [], sql }: MysqlOptions,
  { port, socket }: { readonly port: number; readonly socket: string },
): Promise<string[]> {
  const start = join(dir, "start.sql");
  await Deno.writeTextFile(start, sql.map((line) => `${line};\n`).join(""));
  return [
    ...["--no-defaults", ...binaries.places, `--datadir=${join(dir, "data")}`],
    ...[`--port=${port}`, "--bind-address=127.0.0.1", `--socket=${socket}`],
    ...[`--pid-file=${join(dir, "pid")}`, `--init-file=${start}`, "--skip-name-resolve"],
    ...[`--ssl-ca=${join(dir, "client-ca.pem")}`, `--ssl-cert=${join(dir, "server.pem")}`],
    ...[`--ssl-key=${join(dir, "server.key")}`, "--max-connections=300"],
    ...["--general-log=1", `--general-log-file=${join(dir, "general.log")}`],
    ...["--local-infile=1", "--max-allowed-packet=128M", "--innodb-flush-log-at-trx-commit=0"],
    ...(binaries.name === "MariaDB"
      ? ["--plugin-load-add=auth_ed25519", "--innodb-log-file-size=64M"]
      : ["--mysqlx=OFF", "--disable-log-bin", "--innodb-redo-log-capacity=64M"]),
    ...more,
  ];
}

/** The files of the server; those that are there stay. */
async function prepare({ binaries, dir, tls }: MysqlOptions, as: ServerUser | null): Promise<void> {
  const data = join(dir, "data");
  await Deno.mkdir(dir, { recursive: true });
  const own = async (path: string) => {
    if (as) await Deno.chown(path, as.uid, as.gid);
  };
  await own(dir);
  const files = [["server.pem", tls.cert], ["server.key", tls.key], [
    "client-ca.pem",
    tls.clientCa,
  ]];
  for (const [name = "", text = ""] of files) {
    await Deno.writeTextFile(join(dir, name), text, { mode: 0o600 });
    await own(join(dir, name));
  }
  if (await exists(data)) return;
  await Deno.mkdir(data);
  await own(data);
  const [program = "", ...first] = binaries.name === "MariaDB"
    ? ["mariadb-install-db", "--no-defaults", "--skip-test-db", "--skip-name-resolve"]
    : [...binaries.server, "--no-defaults", "--initialize-insecure"];
  const more = binaries.name === "MariaDB" ? ["--auth-root-authentication-method=normal"] : [
    ...binaries.places,
    "--innodb-redo-log-capacity=64M",
  ];
  await must(program, [...first, ...more, `--datadir=${data}`], {
    as,
    cwd: dir,
    env: { TMPDIR: dir },
  });
}

async function asRoot(binaries: MysqlBinaries, socket: string, sql: string): Promise<string> {
  const [program = "", ...first] = binaries.client;
  const args = ["--no-defaults", `--socket=${socket}`, "--user=root", "--batch"];
  const done = await run(program, [...first, ...args, "--skip-column-names"], { input: sql });
  if (done.code === 0) return done.stdout;
  throw new Error(`${binaries.name} refused: ${done.stderr}`);
}

/** Whom the server must run as when we are root: `mysql` where there is one, else `nobody`. */
async function serverUser(): Promise<ServerUser | null> {
  if (!isRoot()) return null;
  const passwd = await Deno.readTextFile("/etc/passwd");
  const line = ["mysql", "nobody"].map((name) =>
    passwd.split("\n").find((l) => l.startsWith(`${name}:`))
  ).find((l) => l !== undefined);
  const [, , uid, gid] = (line ?? "nobody:x:65534:65534").split(":");
  return { uid: Number(uid), gid: Number(gid) };
}
