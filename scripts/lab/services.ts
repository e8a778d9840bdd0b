/** Remoteler's own processes for demo, tests and benchmarks, with real files. */
import { dirname, join } from "./paths.ts";
import { delay, exists, type Finished, root, run, type ServerUser, waitFor } from "./tools.ts";

/** How to run the two programs: from the sources, or the executables named by `REMOTELER_DIST`. */
export function programs(): { remoteler: string[]; tsh: string[] } {
  const dist = Deno.env.get("REMOTELER_DIST");
  if (dist) return { remoteler: [join(dist, "remoteler")], tsh: [join(dist, "tsh")] };
  const deno = [Deno.execPath(), "run", "--quiet", "-A"];
  return {
    remoteler: [...deno, join(root, "cmd", "remoteler.ts")],
    tsh: [...deno, join(root, "cmd", "tsh.ts")],
  };
}

/** A running `remoteler start`. */
export interface Service {
  readonly name: string;
  readonly pid: number;
  readonly configFile: string;
  readonly logFile: string;
  readonly dataDir: string;
  /** What the process wrote when it was ready. */
  readonly ready: ReadyFile;
  readonly running: boolean;
  signal(name: Deno.Signal): void;
  /** Waits for the end; gives the exit code (128 + signal number for a signal). */
  ended(timeoutMs?: number): Promise<number>;
  stop(): Promise<number>;
  /** Ends it without a word, and waits until it is gone. */
  kill(): Promise<void>;
}

export interface ReadyFile {
  readonly auth_address?: string;
  readonly proxy_address?: string;
  readonly diag_address?: string;
  readonly ca_pin?: string;
}

export interface StartOptions {
  readonly name: string;
  /** Folder for its configuration, data and log. */
  readonly dir: string;
  /** The body of remoteler.yaml; version, data folder and nodename are added. */
  readonly config: {
    readonly remoteler?: Record<string, unknown>;
    readonly auth_service?: Record<string, unknown>;
    readonly proxy_service?: Record<string, unknown>;
    readonly db_service?: Record<string, unknown>;
  };
  readonly env?: Readonly<Record<string, string>>;
  /** Another user to run as; the folder becomes theirs. */
  readonly as?: ServerUser;
  /** Network namespace to run in; only root can, and as no other user. */
  readonly netns?: string;
  /** Don't wait until it is ready. */
  readonly noWait?: boolean;
  /** What takes the place of `remoteler start`, with the same arguments. */
  readonly program?: readonly string[];
}

/** Starts one process and waits until it says that it is ready. */
export async function startService(options: StartOptions): Promise<Service> {
  const { dir, name } = options;
  const dataDir = join(dir, "data");
  await Deno.mkdir(dataDir, { recursive: true });
  const configFile = await writeConfig(options, dataDir);
  const readyFile = join(dir, "ready.json");
  await Deno.remove(readyFile).catch(() => {});
  const logFile = join(dir, "service.log");
  await own(options.as, dir, dataDir, configFile);
  const child = spawn(options, ["-c", configFile, "--ready-file", readyFile], logFile);
  let code: number | null = null;
  const status = child.status.then((s) => {
    code = s.code;
    return s.code;
  });
  if (!options.noWait) {
    await waitFor(`${name} is ready`, 30_000, async () => {
      if (code !== null) throw new Error(`${name} ended with ${code}`);
      return await exists(readyFile);
    }).catch(async (e) => {
      if (code === null) child.kill("SIGKILL");
      throw new Error(`${e.message}\n${await tail(logFile)}`);
    });
  }
  const ready: ReadyFile = options.noWait ? {} : JSON.parse(await Deno.readTextFile(readyFile));
  const signal = (signalName: Deno.Signal) => {
    if (code === null) child.kill(signalName);
  };
  return {
    name,
    pid: child.pid,
    configFile,
    logFile,
    dataDir,
    ready,
    get running() {
      return code === null;
    },
    signal,
    ended: (timeoutMs = 30_000) => within(status, timeoutMs, `${name} ends`),
    async stop() {
      signal("SIGTERM");
      const ended = await Promise.race([status, delay(10_000).then(() => null)]);
      if (ended !== null) return ended;
      child.kill("SIGKILL");
      return await status;
    },
    async kill() {
      signal("SIGKILL");
      await within(status, 30_000, `${name} ends`);
    },
  };
}

async function writeConfig(options: StartOptions, dataDir: string): Promise<string> {
  const config = {
    version: "v1",
    ...options.config,
    remoteler: { nodename: options.name, data_dir: dataDir, ...options.config.remoteler },
  };
  const path = join(options.dir, "remoteler.yaml");
  // YAML is a superset of JSON.
  await Deno.writeTextFile(path, JSON.stringify(config, null, 2) + "\n");
  return path;
}

/** A process of its own whose output goes to a file, so that nobody needs to read along. */
function spawn(options: StartOptions, args: readonly string[], log: string): Deno.ChildProcess {
  const program = options.program ?? [...programs().remoteler, "start"];
  const whole = [...inNamespace(options.netns), ...program, ...args];
  return new Deno.Command("/bin/sh", {
    args: ["-c", 'log=$1; shift; exec "$@" >>"$log" 2>&1', "sh", log, ...whole],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    env: { ...options.env, ...(options.as ? { HOME: options.dir } : {}) },
    ...(options.as ?? {}),
  }).spawn();
}

/** What goes before a command to run it in this network namespace. */
export function inNamespace(netns: string | undefined): string[] {
  return netns === undefined ? [] : ["ip", "netns", "exec", netns];
}

/** Runs `remoteler ARGS` against the services of this configuration file. */
export function remoteler(
  configFile: string,
  args: readonly string[],
  input?: string,
  as?: ServerUser,
): Promise<Finished> {
  const [program, ...first] = programs().remoteler;
  return run(program ?? "", [...first, ...args, "-c", configFile], {
    ...(input === undefined ? {} : { input }),
    ...(as ? { as, env: { HOME: dirname(configFile) }, cwd: dirname(configFile) } : {}),
  });
}

/** One person's computer: a home of its own, where `tsh` keeps its state. */
export class Person {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  readonly #as: ServerUser | null;

  constructor(home: string, as: ServerUser | null = null) {
    this.home = home;
    this.#as = as;
    this.env = {
      HOME: home,
      TSH_HOME: join(home, ".tsh"),
      PGSERVICEFILE: join(home, ".pg_service.conf"),
    };
  }

  tsh(args: readonly string[], input?: string): Promise<Finished> {
    const [program, ...first] = programs().tsh;
    return this.run(program ?? "", [...first, ...args], input);
  }

  async mustTsh(args: readonly string[], input?: string): Promise<string> {
    const done = await this.tsh(args, input);
    if (done.code === 0) return done.stdout;
    throw new Error(`tsh ${args.join(" ")} ended with ${done.code}:\n${done.stderr}`);
  }

  /** A program with this person's environment. */
  run(program: string, args: readonly string[], input?: string): Promise<Finished> {
    return run(program, args, {
      env: this.env,
      as: this.#as,
      cwd: this.home,
      ...(input === undefined ? {} : { input }),
    });
  }
}

/** Makes these belong to `as`, where another user is wanted. */
export async function own(as: ServerUser | undefined, ...paths: string[]): Promise<void> {
  if (as === undefined) return;
  for (const path of paths) await Deno.chown(path, as.uid, as.gid);
}

/** The last lines of a log file. */
export async function tail(path: string, lines = 30): Promise<string> {
  const text = await Deno.readTextFile(path).catch(() => `(no ${dirname(path)})`);
  return text.split("\n").slice(-lines).join("\n");
}

async function within<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
