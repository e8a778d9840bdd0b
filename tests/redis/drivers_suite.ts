/** Real drivers through the proxy: what comes back is what comes back directly. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { installedRedis, type RedisBinaries } from "../../scripts/lab/redis.ts";
import type { Finished } from "../../scripts/lab/tools.ts";
import { skipped } from "../site.ts";
import { allDrivers, type DriverMode, type RedisDriver } from "./drivers.ts";
import type { RedisEndpoint } from "./endpoint.ts";

/** Two places that a driver's script has to give the same at. */
export interface Compared {
  readonly direct: RedisEndpoint;
  readonly through: RedisEndpoint;
}

/** The drivers that are here, redis-cli of these binaries; of others is said that they are not. */
export async function foundDrivers(
  binaries?: RedisBinaries,
): Promise<readonly RedisDriver[]> {
  const drivers: RedisDriver[] = [];
  for (const driver of await allDrivers(binaries ?? await installedRedis())) {
    if ("reason" in driver) skipped(`driver ${driver.name}`, driver.reason);
    else drivers.push(driver);
  }
  return drivers;
}

/** Runs the script directly, then through the proxy. */
export async function compare(
  driver: RedisDriver,
  { direct, through }: Compared,
  mode?: DriverMode,
): Promise<void> {
  const first = await driver.run(direct, mode);
  succeeded("direct", first);
  const second = await driver.run(through, mode);
  succeeded("through the proxy", second);
  const lines = first.stdout.split("\n");
  ok(lines.length > 20, "the script says what it did");
  deepStrictEqual(second.stdout.split("\n"), lines);
}

function succeeded(where: string, { code, stdout, stderr }: Finished): void {
  strictEqual(code, 0, `${where}: ${stderr.slice(-2000)}\n${stdout.slice(-1000)}`);
}
