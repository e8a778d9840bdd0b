/**
 * Every reader of foreign bytes against damage: a second for each, or REMOTELER_FUZZ_SECONDS, or
 * what `deno task fuzz` says. REMOTELER_FUZZ_SEED repeats a run.
 */
import { campaign, type Target } from "./campaign.ts";
import { targets as access } from "./access_targets.ts";
import { targets as audit } from "./audit_targets.ts";
import { targets as certificates } from "./ca_targets.ts";
import { targets as config } from "./config_targets.ts";
import { targets as front } from "./front_targets.ts";
import { mysqlTargets as mysql } from "./mysql_targets.ts";
import { redisTargets as redis } from "./redis_targets.ts";
import { targets as tunnel } from "./tunnel_targets.ts";
import { targets as wire } from "./wire_targets.ts";

const targets: readonly Target[] = [
  ...[...wire, ...mysql, ...redis, ...front, ...certificates, ...tunnel],
  ...[...audit, ...config, ...access],
];

const given = Deno.args.find((arg) => /^--seconds=/.test(arg))?.slice("--seconds=".length);
const seconds = Number(Deno.env.get("REMOTELER_FUZZ_SECONDS") ?? given ?? 1);
const seed = Number(Deno.env.get("REMOTELER_FUZZ_SEED") ?? Date.now() % 1_000_000);

for (const target of targets) {
  Deno.test(`damaged input ends well: ${target.name}`, async () => {
    const { executions, kinds, broken } = await campaign(target, { seconds, seed });
    say(`fuzz: ${target.name}: ${executions} executions, ${kinds} kinds, seed ${seed}`);
    if (broken === null) return;
    const from = `${broken.input.length} bytes, kept in tests/fuzz/found, seed ${seed}`;
    throw new Error(`${target.name}: broken by ${from}`, { cause: broken.error });
  });
}

/** In one piece, also where the runner keeps quiet about console output. */
function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}
