import assert from "node:assert/strict";
import { sha256 } from "../../tests/fakes/audit_log.ts";
import { settled, SteppingClock } from "../../tests/fakes/clock.ts";
import { noHash } from "./chain.ts";
import { LogWriter } from "./log_writer.ts";

Deno.test("what comes at any moment around the end of a write is written, too", async () => {
  for (let moment = 0; moment < 16; moment += 1) {
    const written: number[] = [];
    let late = Promise.resolve();
    const writer = new LogWriter({
      sink: {
        write: ({ count }) => {
          written.push(count);
          if (written.length === 1) late = after(moment, () => writer.store([{ event: "late" }]));
          return Promise.resolve();
        },
        close: () => Promise.resolve(),
      },
      end: { seq: 0, hash: noHash },
      name: "auth-1",
      clock: new SteppingClock(),
      sha256,
      stored: () => {},
      failed: () => {},
    });
    await writer.store([{ event: "first" }]);
    let isStored = false;
    late.then(() => isStored = true, assert.fail);
    await settled();
    assert.ok(isStored, `left waiting when it came ${moment} turns after the write`);
    assert.deepEqual(written, [1, 1]);
    assert.equal(writer.end.seq, 2);
  }
});

/** Runs a step so many turns of the microtask queue later. */
async function after(turns: number, step: () => Promise<void>): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await null;
  await step();
}
