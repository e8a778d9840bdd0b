/** The real clients that the tests run: where they are, how each is started. */
import { fromFileUrl, join } from "../../scripts/lab/paths.ts";
import type { RedisBinaries } from "../../scripts/lab/redis.ts";
import { type Finished, npmPackages, run, which } from "../../scripts/lab/tools.ts";
import { pythonWith } from "../postgres/drivers.ts";
import { goDriver, javaDriver } from "./compiled_drivers.ts";
import type { RedisEndpoint } from "./endpoint.ts";

/** How a script is to connect, beside where. */
export interface DriverMode {
  /** By the client's own way with clusters. */
  readonly cluster?: boolean;
  /** In RESP2, where its own choice is RESP3. */
  readonly old?: boolean;
}

/** One real client and its script. */
export interface RedisDriver {
  readonly name: string;
  /** Runs the script with the variables of drivers/README.md. */
  run(endpoint: RedisEndpoint, mode?: DriverMode): Promise<Finished>;
}

/** A client that can't be had here, and why. */
export interface MissingDriver {
  readonly name: string;
  readonly reason: string;
}

const scripts = fromFileUrl(new URL("./drivers/", import.meta.url));
const nodePackages = { "ioredis": "5.8.2", "redis": "5.10.0" };
const timeoutMs = 300_000;

/** Every driver of the common script, installed where that is possible; redis-cli is given. */
export async function allDrivers(
  binaries: RedisBinaries | null,
): Promise<(RedisDriver | MissingDriver)[]> {
  return [
    cliDriver(binaries),
    ...(await nodeDrivers()),
    await pythonDriver(),
    await goDriver(),
    await javaDriver(),
  ];
}

/** The variables that all scripts read. */
export function variablesOf(
  { host, port, ca, cert, key, account }: RedisEndpoint,
  { cluster = false, old = false }: DriverMode = {},
): Record<string, string> {
  return {
    REDIS_HOST: host,
    REDIS_PORT: String(port),
    REDIS_CA: ca,
    REDIS_CERT: cert,
    REDIS_KEY: key,
    REDIS_USER: account?.user ?? "",
    REDIS_PASSWORD: account?.password ?? "",
    REDIS_CLUSTER: cluster ? "1" : "",
    REDIS_PROTOCOL: old ? "2" : "",
    LC_ALL: "C.UTF-8",
  };
}

/** redis-cli, that of these binaries. */
export function cliDriver(binaries: RedisBinaries | null): RedisDriver | MissingDriver {
  const name = "redis-cli";
  if (binaries === null) return { name, reason: "redis-cli is not installed" };
  const { program, args } = binaries.cli;
  return {
    name,
    run: (endpoint, mode) => {
      const env = { ...variablesOf(endpoint, mode), REDIS_CLI: [program, ...args].join(" ") };
      return run("sh", [join(scripts, "redis_cli.sh")], { timeoutMs, env });
    },
  };
}

async function nodeDrivers(): Promise<(RedisDriver | MissingDriver)[]> {
  const names = [["ioredis", "ioredis.mjs"], ["node-redis", "node_redis.mjs"]] as const;
  const node = await which("node");
  if (node === null) return names.map(([name]) => ({ name, reason: "node is not installed" }));
  const home = await npmPackages("redis-drivers", nodePackages);
  return await Promise.all(names.map(async ([name, file]) => {
    // Imports are looked up from the script's own folder.
    const script = join(home, `script_${file}`);
    await Deno.copyFile(join(scripts, file), script);
    const start: RedisDriver["run"] = (endpoint, mode) =>
      run(node, [script], { timeoutMs, env: variablesOf(endpoint, mode) });
    return { name, run: start };
  }));
}

async function pythonDriver(): Promise<RedisDriver | MissingDriver> {
  const name = "redis-py";
  const python = await pythonWith(["redis==7.1.0"]);
  if (typeof python !== "string") return { name, reason: python.reason };
  const program = [join(scripts, "with_redis_py.py")];
  return {
    name,
    run: (endpoint, mode) => run(python, program, { timeoutMs, env: variablesOf(endpoint, mode) }),
  };
}
