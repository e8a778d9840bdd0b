/** The real clients that the tests run: where they are, how each is started. */
import { fromFileUrl, join } from "../../scripts/lab/paths.ts";
import { type Finished, npmPackages, run, which } from "../../scripts/lab/tools.ts";
import { pythonWith } from "../postgres/drivers.ts";
import { goDriver, javaDriver } from "./cluster_compiled_drivers.ts";

/** Where a driver connects, as whom, and with which of its clients. */
export interface RedisEndpoint {
  readonly host: string;
  readonly port: number;
  /** Paths of PEM files. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly account: { readonly user: string; readonly password: string } | null;
  /** By the driver's own cluster client. */
  readonly cluster?: boolean;
}

/** One real client and its script. */
export interface RedisDriver {
  readonly name: string;
  run(endpoint: RedisEndpoint): Promise<Finished>;
}

/** A client that can't be had here, and why. */
export interface MissingDriver {
  readonly name: string;
  readonly reason: string;
}

const scripts = fromFileUrl(new URL("./drivers/cluster/", import.meta.url));
const nodePackages = { "ioredis": "5.8.2", "redis": "5.9.0" };
const timeoutMs = 300_000;

/** Every driver of the common script, installed where that is possible. */
export async function allDrivers(): Promise<(RedisDriver | MissingDriver)[]> {
  return [
    ...(await nodeDrivers()),
    await pythonDriver(),
    await goDriver(),
    await javaDriver(),
  ];
}

/** The variables that all scripts read. */
export function variablesOf(endpoint: RedisEndpoint): Record<string, string> {
  const { host, port, ca, cert, key, account, cluster } = endpoint;
  return {
    REDIS_HOST: host,
    REDIS_PORT: String(port),
    REDIS_CA: ca,
    REDIS_CERT: cert,
    REDIS_KEY: key,
    REDIS_USER: account?.user ?? "",
    REDIS_PASSWORD: account?.password ?? "",
    REDIS_CLUSTER: cluster === true ? "1" : "",
    LC_ALL: "C.UTF-8",
  };
}

async function nodeDrivers(): Promise<(RedisDriver | MissingDriver)[]> {
  const names = [["ioredis", "ioredis.mjs"], ["node-redis", "node_redis.mjs"]] as const;
  const node = await which("node");
  if (node === null) return names.map(([name]) => ({ name, reason: "node is not installed" }));
  const home = await npmPackages("redis-cluster-drivers", nodePackages);
  return await Promise.all(names.map(async ([name, file]) => {
    // Imports are looked up from the script's own folder.
    const script = join(home, `script_${file}`);
    await Deno.copyFile(join(scripts, file), script);
    const start = (endpoint: RedisEndpoint) =>
      run(node, [script], { timeoutMs, env: variablesOf(endpoint) });
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
    run: (endpoint) => run(python, program, { timeoutMs, env: variablesOf(endpoint) }),
  };
}
