/** Records statements as fast as it can and says which are recorded, until it is killed. */
import { openSpool } from "../../lib/audit/disk_spool.ts";
import { systemClock } from "../../lib/sys/clock.ts";
import { privateDirectory } from "../../lib/sys/private_directory.ts";
import { systemRandom } from "../../lib/sys/random.ts";
import { intentOf, resultOf, sessionContext } from "../fakes/audit_events.ts";
import { RecordingLog } from "../fakes/log.ts";

const [directory = "", from = "0"] = Deno.args;
const spool = await openSpool({
  files: await privateDirectory(directory),
  clock: systemClock,
  random: systemRandom,
  log: new RecordingLog(),
  segmentBytes: 64 * 1024,
});
const encoder = new TextEncoder();
for (let n = Number(from);; n += 1) {
  const text = n % 50 === 0 ? "x".repeat(300_000) : `SELECT ${n}`;
  spool.intent(intentOf(n, text), sessionContext);
  await new Promise((resolve) => spool.settle("strict", resolve));
  Deno.stdout.writeSync(encoder.encode(`${n}\n`));
  if (n % 3 !== 0) spool.result(resultOf(n, text), sessionContext);
  if (n % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
}
