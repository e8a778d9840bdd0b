/**
 * A real PostgreSQL of its own for a test: a throwaway directory, a free port, TLS, all statements
 * logged.
 */
export interface Server {
  readonly port: number;
  /** PEM of the authority that signed its certificate, and a client certificate for user `carl`. */
  readonly ca: string;
  readonly clientCert: string;
  readonly clientKey: string;
  /** Lines of the server's JSON log so far. */
  log(): Promise<LogLine[]>;
  stop(): Promise<void>;
}

export interface LogLine {
  readonly pid: number;
  readonly error_severity: string;
  readonly message: string;
}

/** Folder of `initdb` and `postgres`, or null where no server is installed. */
export function installedServer(): string | null {
  const found: string[] = [];
  try {
    for (const entry of Deno.readDirSync("/usr/lib/postgresql")) {
      found.push(`/usr/lib/postgresql/${entry.name}/bin`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.sort().reverse().find((folder) => exists(`${folder}/initdb`)) ?? null;
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** PostgreSQL refuses to run as root. */
async function runner(): Promise<{ uid?: number; gid?: number }> {
  if (Deno.uid() !== 0) return {};
  const id = async (flag: string) => Number(await run("id", [flag, "postgres"]));
  return { uid: await id("-u"), gid: await id("-g") };
}

async function run(
  command: string,
  args: readonly string[],
  as: { uid?: number; gid?: number; cwd?: string } = {},
): Promise<string> {
  const done = await new Deno.Command(command, { args: [...args], ...as }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!done.success) throw new Error(`${command}: ${text(done.stderr)}`);
  return text(done.stdout).trim();
}

const settings = (port: number): string => `
port = ${port}
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
ssl = on
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
ssl_ca_file = 'ca.crt'
fsync = off
password_encryption = 'scram-sha-256'
logging_collector = on
log_destination = 'jsonlog'
log_directory = 'log'
log_filename = 'all.log'
log_rotation_size = 0
log_rotation_age = 0
log_statement = all
log_min_messages = log
log_disconnections = on
`;

const hba = `
hostssl all postgres 127.0.0.1/32 trust
hostssl all carl     127.0.0.1/32 cert
hostssl all sara     127.0.0.1/32 scram-sha-256
hostssl all mona     127.0.0.1/32 md5
hostssl all clara    127.0.0.1/32 password
`;

/** Certificates by the openssl command: an opinion of its own beside ours. */
async function makeCertificates(folder: string): Promise<void> {
  const openssl = (...args: string[]) => run("openssl", args, { cwd: folder });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await openssl(
    ...["req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2"],
    ...["-subj", "/CN=test authority"],
  );
  for (const [name, subject] of [["server", "/CN=localhost"], ["client", "/CN=carl"]] as const) {
    await openssl("req", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", subject);
    await Deno.writeTextFile(
      `${folder}/${name}.ext`,
      "subjectAltName=DNS:localhost,IP:127.0.0.1\n",
    );
    await openssl(
      ...["x509", "-req", "-in", `${name}.csr`, "-CA", "ca.crt", "-CAkey", "ca.key"],
      ...["-CAcreateserial", "-days", "2", "-out", `${name}.crt`, "-extfile", `${name}.ext`],
    );
  }
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

/**
 * Starts a server; the users are those of the test's pg_hba.conf, all with password `pass-<user>`.
 */
export async function startServer(folder: string): Promise<Server> {
  const as = await runner();
  const home = await Deno.makeTempDir({ prefix: "wire-postgres-" });
  const data = `${home}/data`;
  if (as.uid !== undefined) await Deno.chown(home, as.uid, as.gid ?? null);
  await run(`${folder}/initdb`, ["-D", data, "-A", "trust", "-U", "postgres", "-N"], {
    ...as,
    cwd: home,
  });
  await makeCertificates(home);
  for (const name of ["server.crt", "server.key", "ca.crt"]) {
    await Deno.copyFile(`${home}/${name}`, `${data}/${name}`);
    await Deno.chmod(`${data}/${name}`, 0o600);
    if (as.uid !== undefined) await Deno.chown(`${data}/${name}`, as.uid, as.gid ?? null);
  }
  const port = freePort();
  await Deno.writeTextFile(`${data}/postgresql.conf`, settings(port), { append: true });
  await Deno.writeTextFile(`${data}/pg_hba.conf`, hba);
  const process = new Deno.Command(`${folder}/postgres`, {
    args: ["-D", data],
    ...as,
    cwd: home,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const log = () => readLog(`${data}/log/all.json`);
  await until(async () => (await log()).some((line) => line.message.includes("ready to accept")));
  return {
    port,
    ca: await Deno.readTextFile(`${home}/ca.crt`),
    clientCert: await Deno.readTextFile(`${home}/client.crt`),
    clientKey: await Deno.readTextFile(`${home}/client.key`),
    log,
    stop: async () => {
      process.kill("SIGQUIT");
      await process.status;
      await Deno.remove(home, { recursive: true });
    },
  };
}

async function readLog(path: string): Promise<LogLine[]> {
  const text = await Deno.readTextFile(path).catch(() => "");
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

/** Waits for a condition, at most 20 s. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < 400; round++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("Waited too long");
}
