/** Single servers that are newer, out of Debian sid: every client gets what it gets directly. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { compare, foundDrivers } from "./drivers_suite.ts";
import { directTo } from "./endpoint.ts";
import { PlainClient, type Said } from "./plain_client.ts";
import { newerRedis } from "./server.ts";
import { commandsOnce, redisSuite, through } from "./site.ts";

/** What no server of Debian 12 knows, and the answers. */
const theirs = {
  redis: new Map<string, Said>([
    ["hsetex recorded:h ex 100 fields 1 f v", 1],
    ["hgetdel recorded:h fields 1 f", ["v"]],
  ]),
  valkey: new Map<string, Said>([
    ["set recorded other ifeq nothing", null],
    ["set recorded other ifeq value", "OK"],
  ]),
};

/** Declares the tests where they are asked for and the servers can be had. */
export async function newerSingle(product: "redis" | "valkey"): Promise<void> {
  const binaries = await newerRedis(product);
  if (binaries === null) return;
  const test = redisSuite({ binaries, everything: true });

  for (const driver of await foundDrivers(binaries)) {
    test(`${product}: ${driver.name} gives at the proxy what it gives directly`, async (on) => {
      await compare(driver, { direct: directTo(on.server), through: await through(on.alice) });
    });
  }

  test(`${product}: commands are recorded, those too that no older server has`, async (on) => {
    await using client = await PlainClient.connect(await through(on.alice));
    match(String(await client.ask("info", "server")), new RegExp(`^${product}_version:[89]`, "m"));
    const commands = ["set recorded value", ...theirs[product].keys()];
    const said = await Promise.all(commands.map((line) => client.ask(...line.split(" "))));
    deepStrictEqual(said, ["OK", ...theirs[product].values()]);
    const last = commands.at(-1);
    const all = await commandsOnce(on.site, ({ args }) => args.join(" ") === last);
    const recorded = all.filter(({ args }) => args[1]?.startsWith("recorded"));
    deepStrictEqual(recorded.map(({ args }) => args.join(" ")), commands);
    strictEqual(recorded.every(({ reply }) => reply !== undefined && reply !== "error"), true);
    await on.site.verifyAudit();
  });
}
