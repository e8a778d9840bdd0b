/** The peers: other programs on the way to the same database, with the same TLS. */
import type { LabAuthority } from "../lab/certificates.ts";
import { join } from "../lab/paths.ts";
import { serverUser } from "../lab/postgres.ts";
import { exists, freePort, root, type ServerUser, waitFor, which } from "../lab/tools.ts";
import { chiselProgram } from "./install.ts";
import type { Missing, Path, PathName } from "./path.ts";

const forwarderFile = ["scripts", "measure", "forwarder.ts"];

export interface PeerInit {
  /** An existing folder that other users may enter. */
  readonly dir: string;
  readonly authority: LabAuthority;
  readonly postgresPort: number;
  readonly databaseUser: string;
  readonly databaseName: string;
  /** libpq's variables for the direct connection. */
  readonly direct: Readonly<Record<string, string>>;
  readonly say: (text: string) => void;
}

interface Files {
  readonly dir: string;
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly clientCert: string;
  readonly clientKey: string;
  readonly as: ServerUser | null;
}

/** Certificates in a folder of the peer's own. */
async function prepare(
  name: PathName,
  init: Pick<PeerInit, "dir" | "authority" | "databaseUser">,
): Promise<Files> {
  const as = await serverUser();
  const dir = join(init.dir, name);
  await Deno.mkdir(dir, { recursive: true });
  const server = await init.authority.server("localhost", "127.0.0.1");
  const client = await init.authority.client(init.databaseUser);
  const files = {
    dir,
    ca: join(dir, "ca.pem"),
    serverCert: join(dir, "server.pem"),
    serverKey: join(dir, "server.key"),
    clientCert: join(dir, "client.pem"),
    clientKey: join(dir, "client.key"),
    as,
  };
  const texts: readonly [string, string][] = [
    [files.ca, init.authority.pem],
    [files.serverCert, server.cert],
    [files.serverKey, server.key],
    [files.clientCert, client.cert],
    [files.clientKey, client.key],
  ];
  for (const [path, text] of texts) {
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    if (as) await Deno.chown(path, as.uid, as.gid);
  }
  if (as) await Deno.chown(dir, as.uid, as.gid);
  return files;
}

interface Daemon {
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts a program that listens on `port`, and waits until it does. */
async function daemon(
  command: readonly string[],
  options: { readonly files: Files; readonly log: string; readonly port: number | null },
): Promise<Daemon> {
  const { files, log, port } = options;
  const path = join(files.dir, log);
  await Deno.writeTextFile(path, "");
  if (files.as) await Deno.chown(path, files.as.uid, files.as.gid);
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", 'log=$1; shift; exec "$@" >>"$log" 2>&1', "sh", path, ...command],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    cwd: files.dir,
    ...(files.as ? { uid: files.as.uid, gid: files.as.gid } : {}),
  }).spawn();
  let ended = false;
  const status = child.status.then(() => void (ended = true));
  const stop = async () => {
    if (!ended) child.kill("SIGKILL");
    await status;
  };
  if (port !== null) {
    try {
      await listening(port, () => ended);
    } catch {
      await stop();
      throw new Error(`${command[0]} does not listen:\n${await Deno.readTextFile(path)}`);
    }
  }
  return { pid: child.pid, stop };
}

/** Waits until something accepts on the port. */
export async function listening(port: number, hasEnded: () => boolean): Promise<void> {
  await waitFor(`port ${port} is open`, 20_000, async () => {
    if (hasEnded()) throw new Error("ended");
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return true;
    } catch {
      return false;
    }
  });
}

/** pgbouncer in session mode: TLS with client certificates on both sides, one process. */
export async function startPgbouncer(init: PeerInit): Promise<Path | Missing> {
  const program = "/usr/sbin/pgbouncer";
  if (!(await exists(program))) return { name: "pgbouncer", why: "pgbouncer is not installed" };
  const files = await prepare("pgbouncer", init);
  const port = freePort();
  const config = join(files.dir, "pgbouncer.ini");
  await Deno.writeTextFile(join(files.dir, "users.txt"), `"${init.databaseUser}" ""\n`);
  await Deno.writeTextFile(
    config,
    [
      "[databases]",
      `${init.databaseName} = host=localhost port=${init.postgresPort}`,
      "[pgbouncer]",
      "listen_addr = 127.0.0.1",
      `listen_port = ${port}`,
      "unix_socket_dir =",
      "auth_type = cert",
      `auth_file = ${join(files.dir, "users.txt")}`,
      "pool_mode = session",
      "default_pool_size = 64",
      "max_client_conn = 200",
      "log_connections = 0",
      "log_disconnections = 0",
      "client_tls_sslmode = verify-full",
      "client_tls_protocols = tlsv1.3",
      `client_tls_ca_file = ${files.ca}`,
      `client_tls_cert_file = ${files.serverCert}`,
      `client_tls_key_file = ${files.serverKey}`,
      "server_tls_sslmode = verify-full",
      "server_tls_protocols = tlsv1.3",
      `server_tls_ca_file = ${files.ca}`,
      `server_tls_cert_file = ${files.clientCert}`,
      `server_tls_key_file = ${files.clientKey}`,
    ].join("\n") + "\n",
  );
  const bouncer = await daemon([program, config], { files, log: "pgbouncer.log", port });
  return {
    name: "pgbouncer",
    env: { ...init.direct, PGPORT: String(port) },
    pids: [bouncer.pid],
    clientTls: true,
    stop: () => bouncer.stop(),
  };
}

/**
 * Two stunnel processes with the legs that our native path has: TLS from the client, TLS between
 * the two, TLS to the database, client certificates on each.
 */
export async function startStunnel(init: PeerInit): Promise<Path | Missing> {
  const program = await which("stunnel4") ?? await which("stunnel");
  if (program === null) return { name: "stunnel", why: "stunnel is not installed" };
  const files = await prepare("stunnel", init);
  const [front, entry, link, exit] = [freePort(), freePort(), freePort(), freePort()];
  const common = [
    "foreground = yes",
    "pid =",
    "debug = err",
    "socket = l:TCP_NODELAY=1",
    "socket = r:TCP_NODELAY=1",
    "sslVersionMin = TLSv1.3",
    "ciphersuites = TLS_AES_256_GCM_SHA384",
    `CAfile = ${files.ca}`,
    "verifyChain = yes",
  ];
  const asServer = [`cert = ${files.serverCert}`, `key = ${files.serverKey}`];
  const asClient = [
    "client = yes",
    `cert = ${files.clientCert}`,
    `key = ${files.clientKey}`,
    "checkHost = localhost",
  ];
  const leg = (name: string, from: number, to: number, more: readonly string[]): string[] => [
    `[${name}]`,
    `accept = 127.0.0.1:${from}`,
    `connect = 127.0.0.1:${to}`,
    ...more,
  ];
  const near = join(files.dir, "near.conf");
  const far = join(files.dir, "far.conf");
  await Deno.writeTextFile(
    near,
    [
      ...common,
      ...leg("front", front, entry, ["protocol = pgsql", ...asServer]),
      ...leg("link", entry, link, asClient),
    ].join("\n") + "\n",
  );
  await Deno.writeTextFile(
    far,
    [
      ...common,
      ...leg("link", link, exit, asServer),
      ...leg("back", exit, init.postgresPort, ["protocol = pgsql", ...asClient]),
    ].join("\n") + "\n",
  );
  const second = await daemon([program, far], { files, log: "far.log", port: link });
  const first = await daemon([program, near], { files, log: "near.log", port: front });
  return {
    name: "stunnel",
    env: { ...init.direct, PGPORT: String(front) },
    pids: [first.pid, second.pid],
    clientTls: true,
    stop: async () => {
      await first.stop();
      await second.stop();
    },
  };
}

/** chisel with a reverse port: the client's TLS end to end, through SSH in TLS between the two. */
export async function startChisel(init: PeerInit): Promise<Path | Missing> {
  const program = await chiselProgram(init.say);
  if ("why" in program) return { name: "chisel", why: program.why };
  const files = await prepare("chisel", init);
  const port = freePort();
  const entry = freePort();
  const server = await daemon([
    ...[program.path, "server", "--host", "127.0.0.1", "--port", String(port), "--reverse"],
    ...["--tls-key", files.serverKey, "--tls-cert", files.serverCert],
  ], { files, log: "server.log", port });
  const client = await daemon([
    ...[program.path, "client", "--tls-ca", files.ca, `https://localhost:${port}`],
    `R:127.0.0.1:${entry}:127.0.0.1:${init.postgresPort}`,
  ], { files, log: "client.log", port: entry });
  return {
    name: "chisel",
    env: { ...init.direct, PGPORT: String(entry) },
    pids: [server.pid, client.pid],
    clientTls: true,
    stop: async () => {
      await client.stop();
      await server.stop();
    },
  };
}

/** Our own legs with nothing in them, by the runtime that runs this. */
export async function startForwarder(init: PeerInit): Promise<Path> {
  const { port, pids, stop } = await forwarderTo(init.postgresPort, "postgres", init);
  const env = { ...init.direct, PGPORT: String(port) };
  return { name: "forwarder", env, pids, clientTls: true, stop };
}

/** The same to any server; `opening` is how its TLS begins. */
export async function forwarderTo(
  databasePort: number,
  opening: "postgres" | "tls",
  init: Pick<PeerInit, "dir" | "authority" | "databaseUser">,
): Promise<Pick<Path, "pids" | "stop"> & { readonly port: number }> {
  const files = { ...await prepare("forwarder", init), as: null };
  const [port, tunnel] = [freePort(), freePort()];
  const program = [Deno.execPath(), "run", "--quiet", "-A", join(root, ...forwarderFile)];
  const end = (role: string, from: number, to: number, listens: number) =>
    daemon(
      [...program, role, String(from), String(to), opening],
      { files, log: `${role}.log`, port: listens },
    );
  const near = await end("near", port, tunnel, tunnel);
  const far = await end("far", tunnel, databasePort, port);
  return {
    port,
    pids: [near.pid, far.pid],
    stop: async () => {
      await near.stop();
      await far.stop();
    },
  };
}
