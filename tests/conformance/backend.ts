/** What every Backend promises; run against each of them from `lib/backend/<name>/..._test.ts`. */
import assert from "node:assert/strict";
import type { Backend, Change, Key } from "../../lib/core/backend.ts";
import { Fault } from "../../lib/core/fault.ts";
import { maxCommitItems, maxValueBytes } from "../../lib/backend/items.ts";
import { maxWaiting } from "../../lib/backend/watch_buffer.ts";
import { SteppingClock } from "../fakes/clock.ts";

/** A clock whose timers can be late, as those of a busy process are. */
export class LateClock extends SteppingClock {
  #ahead = 0;

  override now(): number {
    return super.now() + this.#ahead;
  }

  /** Moves the time without running timers. */
  jump(ms: number): void {
    this.#ahead += ms;
  }
}

/** Opens an empty backend on the clock that is given. */
export type OpenBackend = (clock: LateClock) => Promise<Backend>;

type Case = (t: { readonly backend: Backend; readonly clock: LateClock }) => Promise<void>;

/** Registers one test for each promise. */
export function testBackend(name: string, open: OpenBackend): void {
  for (const [promise, run] of Object.entries(cases)) {
    Deno.test(`${name}: ${promise}`, async () => {
      const clock = new LateClock();
      const backend = await open(clock);
      try {
        await run({ backend, clock });
      } finally {
        await backend.close();
      }
      assert.equal(clock.pending, 0, "a closed backend leaves no timer");
    });
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array) => new TextDecoder().decode(value);

async function put(backend: Backend, key: Key, value: string, expires?: number): Promise<bigint> {
  const one = { key, value: bytes(value), ...(expires !== undefined && { expires }) };
  const result = await backend.commit({ puts: [one] });
  assert.ok(result.ok);
  return result.revision;
}

async function take(changes: AsyncIterator<Change>, count: number): Promise<Change[]> {
  const taken: Change[] = [];
  while (taken.length < count) {
    const step = await changes.next();
    if (step.done) break;
    taken.push(step.value);
  }
  return taken;
}

function brief(change: Change): string {
  if (change.type === "ready") return "ready";
  if (change.type === "delete") return `- ${change.key.join("/")}`;
  return `+ ${change.entry.key.join("/")} ${text(change.entry.value)}`;
}

function faulty(code: string): (error: unknown) => boolean {
  return (error) => error instanceof Fault && error.code === code;
}

const cases: Readonly<Record<string, Case>> = {
  "what was put is read back with its revision": async ({ backend }) => {
    assert.equal(await backend.get(["a", "b"]), null);
    const revision = await put(backend, ["a", "b"], "one");
    const entry = await backend.get(["a", "b"]);
    assert.deepEqual(entry, { key: ["a", "b"], value: bytes("one"), revision, expires: null });
    await put(backend, ["empty"], "");
    assert.equal((await backend.get(["empty"]))?.value.length, 0);
  },

  "a value is the store's own copy in both directions": async ({ backend }) => {
    const value = bytes("one");
    await backend.commit({ puts: [{ key: ["a"], value }] });
    value.fill(0);
    (await backend.get(["a"]))?.value.fill(0);
    assert.equal(text((await backend.get(["a"]))?.value ?? bytes("")), "one");
  },

  "revisions grow with each commit, also past deletes": async ({ backend }) => {
    const first = await put(backend, ["a"], "1");
    const second = await put(backend, ["b"], "2");
    await backend.commit({ deletes: [["a"], ["b"]] });
    const third = await put(backend, ["a"], "3");
    assert.ok(first < second && second + 1n < third);
  },

  "a list for who knows a revision has the values that are newer, and all else": async (
    { backend, clock },
  ) => {
    await put(backend, ["p", "a"], "1");
    await put(backend, ["p", "b"], "2", clock.now() + 100);
    const known = (await backend.get(["p", "b"]))?.revision;
    assert.ok(known !== undefined);
    await put(backend, ["q"], "other");
    await put(backend, ["p", "c"], "");
    await put(backend, ["p", "a"], "3", clock.now() + 200);
    const all = await backend.list(["p"], { limit: 10 });
    const news = await backend.list(["p"], { limit: 10, known });
    assert.deepEqual(
      news,
      all.map((entry) => entry.revision > known ? entry : { ...entry, value: null }),
    );
    assert.deepEqual(news.map(({ value }) => value && text(value)), ["3", null, ""]);
    const [, second] = await backend.list(["p"], { limit: 2, known });
    assert.deepEqual(second?.key, ["p", "b"]);
    assert.deepEqual(await backend.list(["p"], { limit: 10, after: ["p", "b"], known }), [news[2]]);
    news[0]?.value?.fill(0);
    assert.equal(text((await backend.get(["p", "a"]))?.value ?? bytes("")), "3");
    clock.jump(150);
    const left = await backend.list(["p"], { limit: 10, known });
    assert.deepEqual(left.map(({ key }) => key[1]), ["a", "c"]);
    await assert.rejects(backend.list(["p"], { limit: 0, known }), faulty("backend.bad-limit"));
  },

  "a null check creates only once": async ({ backend }) => {
    const create = (value: string) =>
      backend.commit({
        checks: [{ key: ["a"], revision: null }],
        puts: [{ key: ["a"], value: bytes(value) }],
      });
    const results = await Promise.all([create("1"), create("2"), create("3")]);
    assert.equal(results.filter((r) => r.ok).length, 1);
    assert.deepEqual(results.filter((r) => !r.ok).map((r) => r.ok || r.conflict), [["a"], ["a"]]);
  },

  "compare-and-swap takes the revision in force and no other": async ({ backend }) => {
    const revision = await backend.commit({ puts: [{ key: ["a"], value: bytes("1") }] });
    assert.ok(revision.ok);
    const swap = () =>
      backend.commit({
        checks: [{ key: ["a"], revision: revision.revision }],
        puts: [{ key: ["a"], value: bytes("2") }],
      });
    assert.equal((await swap()).ok, true);
    assert.deepEqual(await swap(), { ok: false, conflict: ["a"] });
  },

  "a commit lands whole or not at all": async ({ backend }) => {
    await put(backend, ["taken"], "1");
    const result = await backend.commit({
      checks: [{ key: ["free"], revision: null }, { key: ["taken"], revision: null }],
      puts: [{ key: ["free"], value: bytes("x") }],
      deletes: [["taken"]],
    });
    assert.deepEqual(result, { ok: false, conflict: ["taken"] });
    assert.equal(await backend.get(["free"]), null);
    assert.notEqual(await backend.get(["taken"]), null);
  },

  "a commit of checks alone answers and changes nothing": async ({ backend }) => {
    const revision = await put(backend, ["a"], "1");
    const result = await backend.commit({ checks: [{ key: ["b"], revision: null }] });
    assert.deepEqual(result, { ok: true, revision });
  },

  "a list holds what is under its prefix, part by part, in order": async ({ backend }) => {
    const keys = [["a"], ["a", "b"], ["a", "b", "c"], ["a", "é"], ["a", "𝄞"], ["a", "\uffee"], [
      "ab",
    ], ["b"]];
    for (const key of keys.toReversed()) await put(backend, key, key.join("/"));
    const listed = async (prefix: Key) =>
      (await backend.list(prefix, { limit: 100 })).map((e) => e.key);
    // By UTF-8 bytes: U+FFEE is before U+1D11E, unlike in UTF-16.
    const under = [["a"], ["a", "b"], ["a", "b", "c"], ["a", "é"], ["a", "\uffee"], ["a", "𝄞"]];
    assert.deepEqual(await listed(["a"]), under);
    assert.deepEqual(await listed([]), [...under, ["ab"], ["b"]]);
    assert.deepEqual(await listed(["c"]), []);
  },

  "pages follow each other without gap or repeat": async ({ backend }) => {
    for (let i = 0; i < 25; i++) await put(backend, ["p", `k${i}`], `${i}`);
    await put(backend, ["q"], "outside");
    const seen: Key[] = [];
    let after: Key | undefined;
    while (true) {
      const page = await backend.list(["p"], { limit: 10, ...(after && { after }) });
      seen.push(...page.map((e) => e.key));
      after = page.at(-1)?.key;
      if (page.length < 10) break;
    }
    assert.equal(seen.length, 25);
    assert.equal(new Set(seen.map((k) => k.join("/"))).size, 25);
    assert.deepEqual(await backend.list(["p"], { limit: 10, after: ["q"] }), []);
    assert.equal((await backend.list(["p"], { limit: 1, after: ["a"] })).length, 1);
  },

  "an entry is gone for readers and checks the moment it expires": async ({ backend, clock }) => {
    await put(backend, ["lease"], "1", clock.now() + 1000);
    clock.jump(999);
    assert.notEqual(await backend.get(["lease"]), null);
    clock.jump(1);
    assert.equal(await backend.get(["lease"]), null);
    assert.deepEqual(await backend.list([], { limit: 10 }), []);
    const again = await backend.commit({
      checks: [{ key: ["lease"], revision: null }],
      puts: [{ key: ["lease"], value: bytes("2") }],
    });
    assert.equal(again.ok, true);
    await clock.step(10_000);
    assert.equal((await backend.get(["lease"]))?.expires, null);
  },

  "watchers hear of an expiry in time, and of a renewal": async ({ backend, clock }) => {
    const end = new AbortController();
    const changes = backend.watch(["l"], end.signal)[Symbol.asyncIterator]();
    await put(backend, ["l", "short"], "1", clock.now() + 1000);
    await put(backend, ["l", "long"], "1", clock.now() + 2000);
    await put(backend, ["l", "long"], "2", clock.now() + 100_000_000);
    await clock.step(5000);
    const heard = (await take(changes, 5)).map(brief);
    const expected = ["ready", "+ l/short 1", "+ l/long 1", "+ l/long 2", "- l/short"];
    assert.deepEqual(heard, expected);
    await clock.step(100_000_000);
    assert.deepEqual((await take(changes, 1)).map(brief), ["- l/long"]);
    end.abort();
  },

  "a watch starts with ready and tells each change under its prefix once": async ({ backend }) => {
    await put(backend, ["w", "before"], "0");
    const end = new AbortController();
    const changes = backend.watch(["w"], end.signal)[Symbol.asyncIterator]();
    await backend.commit({
      puts: [{ key: ["w", "a"], value: bytes("1") }, { key: ["wx"], value: bytes("no") }],
      deletes: [["w", "before"], ["w", "never was"]],
    });
    await put(backend, ["w", "a"], "2");
    const heard = await take(changes, 4);
    assert.deepEqual(heard.map(brief), ["ready", "+ w/a 1", "- w/before", "+ w/a 2"]);
    const entry = await backend.get(["w", "a"]);
    const last = heard.at(-1);
    assert.ok(last?.type === "put");
    assert.deepEqual(last.entry, entry);
    const waiting = changes.next();
    end.abort();
    assert.equal((await waiting).done, true);
    assert.equal((await changes.next()).done, true);
  },

  "a watcher that waits is woken by a commit": async ({ backend }) => {
    const end = new AbortController();
    const changes = backend.watch([], end.signal)[Symbol.asyncIterator]();
    await changes.next();
    const waiting = changes.next();
    await put(backend, ["a"], "1");
    const step = await waiting;
    assert.equal(step.done === true ? "done" : brief(step.value), "+ a 1");
    await changes.return?.();
    end.abort();
  },

  "a watcher that falls behind ends with a fault, others go on": async ({ backend }) => {
    const end = new AbortController();
    const slow = backend.watch([], end.signal)[Symbol.asyncIterator]();
    const other = backend.watch(["other"], end.signal)[Symbol.asyncIterator]();
    let written = 0;
    while (written <= maxWaiting) {
      const puts = Array.from({ length: maxCommitItems }, (_, i) => ({
        key: ["k", String(i)],
        value: bytes("v"),
      }));
      await backend.commit({ puts });
      written += puts.length;
    }
    await assert.rejects(slow.next(), faulty("backend.watch-behind"));
    assert.equal((await slow.next()).done, true);
    await put(backend, ["other"], "1");
    assert.deepEqual((await take(other, 2)).map(brief), ["ready", "+ other 1"]);
    end.abort();
  },

  "an aborted signal gives an empty watch": async ({ backend }) => {
    const changes = backend.watch([], AbortSignal.abort())[Symbol.asyncIterator]();
    assert.equal((await changes.next()).done, true);
  },

  "closing ends watches and refuses calls": async ({ backend }) => {
    const end = new AbortController();
    const changes = backend.watch([], end.signal)[Symbol.asyncIterator]();
    await changes.next();
    const waiting = changes.next();
    const refused = assert.rejects(waiting, faulty("backend.closed"));
    await backend.close();
    await refused;
    await assert.rejects(backend.get(["a"]), faulty("backend.closed"));
    end.abort();
  },

  "bad keys, values, pages and commits are refused": async ({ backend }) => {
    const value = bytes("v");
    const badKeys: Key[] = [[], [""], ["a", ""], ["a\0b"], ["\ud800"], ["x".repeat(1024)]];
    for (const key of badKeys) {
      await assert.rejects(backend.get(key), faulty("backend.bad-key"));
      await assert.rejects(backend.commit({ puts: [{ key, value }] }), faulty("backend.bad-key"));
    }
    for (const limit of [0, -1, 1.5, Number.NaN, 1001]) {
      await assert.rejects(backend.list([], { limit }), faulty("backend.bad-limit"));
    }
    const twice = { puts: [{ key: ["a"], value }], deletes: [["a"]] };
    await assert.rejects(backend.commit(twice), faulty("backend.bad-commit"));
    await assert.rejects(backend.commit({}), faulty("backend.bad-commit"));
    const many = Array.from({ length: maxCommitItems + 1 }, (_, i) => [String(i)]);
    await assert.rejects(backend.commit({ deletes: many }), faulty("backend.bad-commit"));
    const large = { puts: [{ key: ["a"], value: new Uint8Array(maxValueBytes + 1) }] };
    await assert.rejects(backend.commit(large), faulty("backend.value-too-large"));
    assert.deepEqual(await backend.list([], { limit: 1 }), []);
  },
};
