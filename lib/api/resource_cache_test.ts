import { deepEqual, equal, rejects } from "node:assert/strict";
import { settled, SteppingClock } from "../../tests/fakes/clock.ts";
import { SeededRandom } from "../../tests/fakes/random.ts";
import { Fault } from "../core/fault.ts";
import type { Log } from "../core/log.ts";
import type { AuthClient, WatchChange } from "./contract.ts";
import { startResourceCache } from "./resource_cache.ts";
import type { Lock } from "./resources.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** An Auth whose watch streams the test feeds by hand; null ends the current one. */
function fakeAuth() {
  const waiting: (WatchChange | null)[] = [];
  let wake = () => {};
  let streams = 0;
  const client: Pick<AuthClient, "stream"> = {
    async *stream(_name, _input, signal) {
      streams++;
      signal.addEventListener("abort", () => wake());
      for (;;) {
        const next = waiting.shift();
        if (next !== undefined && next !== null) yield next as never;
        else if (next === null || signal.aborted) {
          throw new Fault({ kind: "unavailable", code: "api.unreachable", message: "gone" });
        } else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
  return {
    client,
    streams: () => streams,
    async feed(...changes: (WatchChange | null)[]) {
      waiting.push(...changes);
      wake();
      await settled();
    },
  };
}

function lock(name: string, message = ""): Lock {
  return {
    kind: "lock",
    version: "v1",
    metadata: { name, labels: {} },
    spec: { target: { user: name }, message },
  };
}
const put = (resource: Lock): WatchChange => ({ type: "put", resource });
const gone = (name: string): WatchChange => ({ type: "delete", kind: "lock", name });
const ready: WatchChange = { type: "ready" };

function start() {
  const auth = fakeAuth();
  const clock = new SteppingClock();
  const cache = startResourceCache({
    client: auth.client,
    kinds: ["lock", "user"],
    clock,
    random: new SeededRandom(),
    log: silent,
  });
  const seen: string[] = [];
  cache.onChange(({ name, resource }) => seen.push(`${resource === null ? "-" : "+"}${name}`));
  return { ...auth, clock, cache, seen };
}

Deno.test("it is ready when everything was heard, and not before", async () => {
  const { cache, feed, seen } = start();
  let isReady = false;
  const waiting = cache.ready.then(() => (isReady = true));
  await feed(put(lock("a")), put(lock("b")));
  deepEqual([isReady, cache.list("lock").length], [false, 0]);
  await feed(ready);
  await waiting;
  equal(cache.get("lock", "a")?.metadata.name, "a");
  equal(cache.get("user", "a"), null);
  deepEqual(cache.list("lock").map((l) => l.metadata.name), ["a", "b"]);
  deepEqual(seen, []);
  await cache.close();
});

Deno.test("changes are told after they can be read", async () => {
  const { cache, feed, seen } = start();
  await feed(ready, put(lock("a")), gone("a"), put(lock("b")));
  deepEqual(seen, ["+a", "-a", "+b"]);
  equal(cache.get("lock", "a"), null);
  await cache.close();
});

Deno.test("it serves on while Auth is away and tells afterwards what it missed", async () => {
  const { cache, feed, seen, clock, streams } = start();
  await feed(put(lock("same")), put(lock("old")), put(lock("changed")), ready);
  await feed(null);
  equal(cache.get("lock", "old")?.metadata.name, "old");
  await clock.step(300);
  equal(streams(), 2);
  await feed(put(lock("same")), put(lock("new")), put(lock("changed", "x")));
  deepEqual([seen, cache.list("lock").length], [[], 3]);
  await feed(ready);
  deepEqual(seen, ["+new", "+changed", "-old"]);
  await cache.close();
});

Deno.test("it is stale only when nothing was heard for that long", async () => {
  const { cache, feed, clock } = start();
  await clock.step(1000);
  equal(cache.stale(500), true);
  await feed(ready);
  await clock.step(600_000);
  equal(cache.stale(500), false);
  await feed(null);
  equal(cache.stale(5_000), false);
  for (let i = 0; i < 20; i++) {
    await clock.step(1000);
    await feed(null);
  }
  equal(cache.stale(5_000), true);
  await cache.close();
});

Deno.test("the pause between attempts grows and stays bounded", async () => {
  const { cache, feed, clock, streams } = start();
  for (let i = 0; i < 100; i++) {
    await feed(null);
    await clock.step(300);
  }
  const tries = streams();
  equal(tries > 8 && tries < 30, true, `${tries} tries in 30 s`);
  await cache.close();
});

Deno.test("closing before it was ready rejects who waits, and ends the watch", async () => {
  const { cache, clock } = start();
  await settled();
  const waiting = rejects(cache.ready);
  await cache.close();
  await waiting;
  equal(clock.pending, 0);
});
