import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Fault } from "../core/fault.ts";
import { settled, SteppingClock } from "../../tests/fakes/clock.ts";
import { SeededRandom } from "../../tests/fakes/random.ts";
import { tunnelPair } from "../../tests/fakes/tunnel.ts";
import type { TunnelSession } from "./contract.ts";
import type { Tunnel } from "./dial.ts";
import type { ProxyHello } from "./hello.ts";
import { keepTunnel } from "./keep.ts";

const hello: ProxyHello = { v: 1, host: "p", cluster: "c", version: "0" };

interface Kept {
  readonly clock: SteppingClock;
  readonly stop: AbortController;
  readonly done: Promise<void>;
  /** The proxy's side of each tunnel, in order. */
  readonly peers: TunnelSession[];
  readonly attempts: number[];
  readonly log: string[];
  isProxyUp: boolean;
}

function keep(): Kept {
  const clock = new SteppingClock();
  const stop = new AbortController();
  const peers: TunnelSession[] = [];
  const attempts: number[] = [];
  const log: string[] = [];
  const state = { isProxyUp: true };
  const dial = (
    attempt: { signal: AbortSignal; onGoaway: () => void },
  ): Promise<Tunnel<ProxyHello>> => {
    attempts.push(clock.monotonic());
    if (!state.isProxyUp) {
      return Promise.reject(
        new Fault({ kind: "network", code: "test.refused", message: "refused" }),
      );
    }
    const pair = tunnelPair({ clock, onGoaway: attempt.onGoaway });
    peers.push(pair.far);
    return Promise.resolve({ session: pair.near, hello });
  };
  const done = keepTunnel({
    dial,
    clock,
    random: new SeededRandom(1),
    signal: stop.signal,
    observer: {
      up: () => void log.push("up"),
      down: (_, fault) => void log.push(`down ${fault?.code ?? "orderly"}`),
      failed: (fault) => void log.push(`failed ${fault.code}`),
    },
  });
  return Object.assign(state, { clock, stop, done, peers, attempts, log });
}

async function stopped(kept: Kept): Promise<void> {
  kept.stop.abort();
  await kept.clock.step(3_000);
  await kept.done;
  strictEqual(kept.clock.pending, 0);
}

const restart = new Fault({ kind: "unavailable", code: "test.restart", message: "restarting" });

Deno.test("a lost tunnel is dialled again within a second", async () => {
  const kept = keep();
  await settled();
  kept.peers[0]?.close(restart);
  await kept.clock.step(1_000);
  deepStrictEqual(kept.log, ["up", "down tunnel.goaway", "up"]);
  await stopped(kept);
});

Deno.test("a proxy that is back is found within 3 s in the first minute of an outage", async () => {
  const kept = keep();
  await settled();
  kept.isProxyUp = false;
  kept.peers[0]?.close(restart);
  await kept.clock.step(55_000);
  const pauses = kept.attempts.slice(1).map((at, i) => at - (kept.attempts[i] ?? 0));
  ok(pauses.every((pause) => pause <= 3_000), `${pauses}`);
  ok(kept.attempts.length < 60, "but not in a hot loop");
  kept.isProxyUp = true;
  await kept.clock.step(3_000);
  strictEqual(kept.log.at(-1), "up");
  await stopped(kept);
});

Deno.test("after a minute the loop grows patient", async () => {
  const kept = keep();
  await settled();
  kept.isProxyUp = false;
  kept.peers[0]?.close(restart);
  await kept.clock.step(600_000);
  const last = kept.attempts.slice(-5);
  ok((last[4] ?? 0) - (last[0] ?? 0) > 4 * 7_000);
  ok((last[4] ?? 0) - (last[0] ?? 0) <= 4 * 15_000);
  await stopped(kept);
});

Deno.test("GOAWAY: a new tunnel comes up while the old one still carries its stream", async () => {
  const kept = keep();
  await settled();
  const [peer] = kept.peers;
  ok(peer !== undefined);
  const stream = peer.open(new Uint8Array(0));
  await settled();
  peer.goaway("restarting");
  await kept.clock.step(1_000);
  deepStrictEqual(kept.log, ["up", "up"]);
  strictEqual(peer.openStreams, 1);
  stream.abort();
  await kept.clock.step(1_000);
  deepStrictEqual(kept.log, ["up", "up", "down orderly"]);
  await stopped(kept);
});

Deno.test("a tunnel that comes up and is lost at once is no reason for a hot loop", async () => {
  const kept = keep();
  for (let ms = 0; ms < 30_000; ms += 100) {
    await kept.clock.step(100);
    kept.peers.at(-1)?.close(restart);
  }
  ok(kept.attempts.length < 30, `${kept.attempts.length} attempts`);
  await stopped(kept);
});

Deno.test("the signal ends the loop and its tunnels, also during a pause", async () => {
  const kept = keep();
  await settled();
  await stopped(kept);
  deepStrictEqual(kept.log, ["up", "down orderly"]);
  const paused = keep();
  await settled();
  paused.isProxyUp = false;
  paused.peers[0]?.close(restart);
  await paused.clock.step(5_000);
  await stopped(paused);
});
