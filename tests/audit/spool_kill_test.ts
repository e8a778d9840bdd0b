/** `kill -9` of a process that records: what it was told is recorded is there, each event once. */
import assert from "node:assert/strict";
import { openSpool } from "../../lib/audit/disk_spool.ts";
import { systemClock } from "../../lib/sys/clock.ts";
import { privateDirectory } from "../../lib/sys/private_directory.ts";
import { systemRandom } from "../../lib/sys/random.ts";
import { uidOf } from "../fakes/audit_events.ts";
import { RecordingLog } from "../fakes/log.ts";

const kills = 8;

Deno.test("no recorded statement is lost by kill -9, and none is there twice", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const told: number[] = [];
    for (let round = 0; round < kills; round += 1) {
      told.push(...await writeAndKill(directory, (told.at(-1) ?? -1) + 1000));
    }
    assert.ok(told.length > kills * 10, `only ${told.length} statements`);
    const found = await shippedUids(directory);
    assert.deepEqual(told.filter((n) => found.get(uidOf(n)) !== 1), []);
    assert.deepEqual([...found].filter(([, times]) => times > 1), []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** Numbers of the statements that the process was told are recorded. */
async function writeAndKill(directory: string, from: number): Promise<number[]> {
  const script = new URL("spool_writer.ts", import.meta.url).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", script, directory, String(from)],
    stdout: "piped",
  }).spawn();
  const killAt = 50 + Math.floor(Math.random() * 400);
  const told: number[] = [];
  let held = "";
  for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
    held += text;
    const lines = held.split("\n");
    held = lines.pop() ?? "";
    told.push(...lines.map(Number));
    if (told.length >= killAt) {
      try {
        process.kill("SIGKILL");
      } catch {
        // It is gone already; what it said is still read.
      }
    }
  }
  await process.status;
  return told;
}

/** How often each event would reach the Auth Service, in its order. */
async function shippedUids(directory: string): Promise<Map<string, number>> {
  const spool = await openSpool({
    files: await privateDirectory(directory),
    clock: systemClock,
    random: systemRandom,
    log: new RecordingLog(),
  });
  const found = new Map<string, number>();
  let place = spool.firstPlace();
  for (;;) {
    const batch = await spool.read(place, 1 << 20, 1000);
    if (batch === null) break;
    for (const json of batch.events) {
      const { uid } = JSON.parse(json);
      found.set(uid, (found.get(uid) ?? 0) + 1);
    }
    place = batch.next;
  }
  await spool.close();
  return found;
}
