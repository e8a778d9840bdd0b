import assert from "node:assert/strict";
import {
  endOf,
  loginOf,
  queryOf,
  resultOf,
  sessionContext,
  uidOf,
} from "../../tests/fakes/audit_events.ts";
import { linesOf, openTestLog, sha256 } from "../../tests/fakes/audit_log.ts";
import { Fault } from "../core/fault.ts";
import { noHash, parseObject, readHead } from "./chain.ts";
import { tailLog } from "./tail.ts";

const agent = { host: "agent-1", origins: ["db"] } as const;
const day = "2026-01-02.ndjson";

function batch(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => JSON.stringify(queryOf(from + index)));
}

Deno.test("each line holds the hash of the exact bytes of the one before", async () => {
  const { log, options } = await openTestLog();
  await log.append(agent, { spool: "spool-a", first: 1, events: batch(1, 5) });
  await log.emit(loginOf(6));
  const lines = linesOf(options.files, day);
  let prev = noHash;
  for (const [index, line] of lines.entries()) {
    const event = parseObject(line) ?? {};
    assert.equal(event.prev, prev);
    assert.equal(event.seq, index + 1);
    assert.equal(event.log, "auth-1");
    assert.equal(event.cluster_name, "example");
    prev = sha256(new TextEncoder().encode(line));
  }
  assert.equal(lines.length, 6);
  assert.equal(log.end.hash, prev);
  await log.close();
});

Deno.test("what a spool sends twice is stored once, also after a restart", async () => {
  const first = await openTestLog();
  assert.deepEqual(await first.log.append(agent, { spool: "s", first: 1, events: batch(1, 10) }), {
    high: 10,
  });
  assert.deepEqual(await first.log.append(agent, { spool: "s", first: 6, events: batch(6, 10) }), {
    high: 15,
  });
  const killed = first.options.files.copy();
  await first.log.close();
  for (const files of [killed, first.options.files]) {
    const second = await openTestLog({ files });
    assert.deepEqual(
      await second.log.append(agent, { spool: "s", first: 1, events: batch(1, 15) }),
      { high: 15 },
    );
    assert.deepEqual(
      await second.log.append(agent, { spool: "s", first: 16, events: batch(16, 1) }),
      { high: 16 },
    );
    const uids = linesOf(files, day).map((line) => parseObject(line))
      .filter((event) => event?.event === "db.session.query").map((event) => event?.uid);
    assert.deepEqual(uids, Array.from({ length: 16 }, (_, index) => uidOf(index + 1)));
    await second.log.close();
  }
});

Deno.test("marks kept in the backend save reading the whole log", async () => {
  const first = await openTestLog();
  await first.log.append(agent, { spool: "s", first: 1, events: batch(1, 10) });
  await first.log.close();
  first.options.files.contents.delete(day);
  const second = await openTestLog({
    files: first.options.files,
    backend: first.options.backend,
  });
  assert.deepEqual(await second.log.append(agent, { spool: "s", first: 5, events: batch(5, 2) }), {
    high: 10,
  });
  assert.equal(second.log.end.seq, 0);
  await second.log.close();
});

Deno.test("a host can't move the mark of another's spool", async () => {
  const { log, options } = await openTestLog();
  await log.append({ host: "agent-2", origins: ["db"] }, {
    spool: "s",
    first: 1,
    events: batch(100, 50),
  });
  await log.append(agent, { spool: "s", first: 1, events: batch(1, 5) });
  assert.equal(linesOf(options.files, day).length, 55);
  await log.close();
});

Deno.test("sender and cluster are those of the certificate, whatever the event says", async () => {
  const { log, options } = await openTestLog();
  const lie = { ...endOf(1), server_id: "agent-9", cluster_name: "other" };
  await log.append(agent, { spool: "s", first: 1, events: [JSON.stringify(lie)] });
  const [line = ""] = linesOf(options.files, day);
  assert.equal(parseObject(line)?.server_id, "agent-1");
  assert.equal(parseObject(line)?.cluster_name, "example");
  await log.close();
});

Deno.test("an event is completed by its context; what is in both is refused and kept", async () => {
  const { log, options } = await openTestLog();
  const own = JSON.stringify(resultOf(1));
  const contexts = [sessionContext.json, '{"db_query":"SELECT 2"}', "[]"];
  await log.append(agent, {
    spool: "s",
    first: 1,
    events: [own, own, own, own, own],
    contexts,
    context_of: [0, 1, 2, 3, -1],
  });
  const lines = linesOf(options.files, day).map((line) => parseObject(line) ?? {});
  assert.equal(lines[0]?.user, "alice");
  assert.equal(lines[0]?.db_query, "SELECT 1");
  assert.deepEqual(lines.slice(1).map(({ event }) => event), Array(4).fill("audit.event.refused"));
  assert.equal(lines[1]?.reason, "a field is in the event and in its context");
  assert.match(String(lines[1]?.payload), /SELECT 1.*SELECT 2/);
  assert.deepEqual(lines.map(({ spool_seq }) => spool_seq), [1, 2, 3, 4, 5]);
  await log.close();
});

Deno.test("events that are not the sender's to report are kept as refused", async () => {
  const { log, options } = await openTestLog();
  const good = endOf(2);
  const bad = [
    JSON.stringify(loginOf(1)),
    JSON.stringify({ ...good, event: "no.such.event" }),
    JSON.stringify({ ...good, seq: 7 }),
    JSON.stringify({ ...good, db_user: 7 }),
    "not json",
  ];
  const answer = await log.append(agent, {
    spool: "s",
    first: 1,
    events: [...bad, JSON.stringify(good)],
  });
  assert.deepEqual(answer, { high: 6 });
  const events = linesOf(options.files, day).map((line) => parseObject(line) ?? {});
  assert.deepEqual(events.map((event) => event.event), [
    ...bad.map(() => "audit.event.refused"),
    "db.session.end",
  ]);
  assert.deepEqual(events.slice(0, -1).map((event) => event.payload), bad);
  assert.match(String(events[0]?.reason), /user.login is not for db to report/);
  assert.match(String(events[3]?.reason), /db_user/);
  await log.close();
});

Deno.test("a gap in a spool's numbers is recorded", async () => {
  const { log, options } = await openTestLog();
  await log.append(agent, { spool: "s", first: 1, events: batch(1, 2) });
  assert.deepEqual(await log.append(agent, { spool: "s", first: 5, events: batch(5, 1) }), {
    high: 5,
  });
  const events = linesOf(options.files, day).map((line) => parseObject(line) ?? {});
  assert.equal(events[2]?.event, "audit.spool.gap");
  assert.deepEqual([events[2]?.first, events[2]?.last], [3, 4]);
  await log.close();
});

Deno.test("concurrent appends share a write and an fsync", async () => {
  const { log, options } = await openTestLog();
  const before = { writes: options.files.writes, syncs: options.files.syncs };
  await Promise.all(
    Array.from(
      { length: 32 },
      (_, n) =>
        log.append({ host: `agent-${n}`, origins: ["db"] }, {
          spool: "s",
          first: 1,
          events: batch(n * 10, 10),
        }),
    ),
  );
  assert.equal(linesOf(options.files, day).length, 320);
  assert.equal(options.files.writes - before.writes, 1);
  assert.ok(options.files.syncs - before.syncs <= 2);
  await log.close();
});

Deno.test("a new day's first line links to the last of the day before", async () => {
  const { log, options } = await openTestLog();
  await log.emit(loginOf(1));
  options.clock.advance(24 * 3600 * 1000);
  await log.emit(loginOf(2));
  const [yesterday = ""] = linesOf(options.files, day);
  const today = linesOf(options.files, "2026-01-03.ndjson").map((line) => parseObject(line));
  const expected = sha256(new TextEncoder().encode(linesOf(options.files, day).at(-1) ?? ""));
  assert.equal(today[0]?.prev, expected);
  assert.ok(yesterday.length > 0);
  await log.close();
});

Deno.test("cut at every byte, the log opens, keeps whole lines and goes on", async () => {
  const { log, options } = await openTestLog();
  for (let n = 1; n <= 3; n += 1) await log.emit(loginOf(n));
  const whole = options.files.copy().contents.get(day) ?? new Uint8Array();
  await log.close();
  for (let cut = 0; cut <= whole.length; cut += 1) {
    const again = await openTestLog();
    await again.log.close();
    const { files } = again.options;
    files.contents.clear();
    files.contents.set(day, whole.slice(0, cut));
    const next = await openTestLog({ files });
    await next.log.emit(loginOf(9));
    const kept = new TextDecoder().decode(whole.slice(0, cut)).split("\n").length - 1;
    const events = linesOf(files, day).map((line) => parseObject(line) ?? {});
    const names = events.map((event) => event.event);
    const repaired = cut > 0 && whole[cut - 1] !== 10;
    assert.equal(names.length, kept + 1 + (repaired ? 1 : 0), `cut at ${cut}`);
    assert.equal(names.includes("audit.log.repaired"), repaired);
    assert.equal(next.log.end.seq, names.length);
    await next.log.close();
  }
});

Deno.test("a full disk rejects and keeps the chain whole", async () => {
  const { log, options } = await openTestLog();
  await log.emit(loginOf(1));
  const { files } = options;
  files.roomBytes = files.bytes + 700;
  const failed = await Promise.allSettled([
    log.append(agent, { spool: "s", first: 1, events: batch(1, 5) }),
    log.emit(loginOf(2)),
  ]);
  for (const each of failed) {
    assert.ok(each.status === "rejected" && each.reason instanceof Fault);
    assert.equal(each.reason.code, "audit.log-unwritable");
  }
  assert.equal(linesOf(files, day).length, 1);
  files.roomBytes = Infinity;
  assert.deepEqual(await log.append(agent, { spool: "s", first: 1, events: batch(1, 5) }), {
    high: 5,
  });
  const events = linesOf(files, day).map((line) => parseObject(line) ?? {});
  assert.deepEqual(events.map((event) => event.seq), [1, 2, 3, 4, 5, 6]);
  await log.close();
});

Deno.test("a batch that finds too many before it is stored once it is sent again", async () => {
  const { log, options } = await openTestLog();
  const many = batch(1, 1000);
  const send = (spool: number) => log.append(agent, { spool: `s${spool}`, first: 1, events: many });
  const all = await Promise.allSettled(Array.from({ length: 60 }, (_, spool) => send(spool)));
  const refused = all.flatMap((each, spool) => each.status === "rejected" ? [spool] : []);
  assert.ok(refused.length > 0 && refused.length < 60);
  for (const spool of refused) assert.deepEqual(await send(spool), { high: 1000 });
  const events = linesOf(options.files, day).map((line) => parseObject(line) ?? {});
  const stored = Map.groupBy(events.filter((each) => "spool" in each), ({ spool }) => spool);
  assert.deepEqual([...stored.values()].map(({ length }) => length), Array(60).fill(1000));
  await log.close();
});

Deno.test("a failed fsync acknowledges nothing and leaves nothing", async () => {
  const { log, options } = await openTestLog();
  await log.emit(loginOf(1));
  options.files.syncError = new Error("EIO");
  await assert.rejects(log.emit(loginOf(2)), Fault);
  options.files.syncError = null;
  await log.emit(loginOf(3));
  const events = linesOf(options.files, day).map((line) => parseObject(line) ?? {});
  assert.deepEqual(events.map((event) => event.uid), [uidOf(1), uidOf(3)]);
  await log.close();
});

Deno.test("head() signs the last line, and no more often than there is news", async () => {
  const { log } = await openTestLog();
  assert.equal(await log.head(), null);
  await log.emit(loginOf(1));
  const signed = await log.head();
  assert.equal(await log.head(), signed);
  const reading = await readHead(signed ?? "", null);
  assert.ok(reading.ok);
  assert.deepEqual([reading.head.seq, reading.head.hash], [log.end.seq, log.end.hash]);
  await log.close();
  assert.equal(await log.head(), signed);
});

Deno.test("checkpoints come with time and with events", async () => {
  const { log, options } = await openTestLog({ checkpointEvents: 100 });
  await log.append(agent, { spool: "s", first: 1, events: batch(1, 150) });
  await options.clock.step(1);
  assert.equal(linesOf(options.files, "checkpoints.ndjson").length, 1);
  await log.emit(loginOf(1));
  await options.clock.step(300_000);
  await options.clock.step(300_000);
  assert.equal(linesOf(options.files, "checkpoints.ndjson").length, 2);
  await log.close();
});

Deno.test("the tail gives what matches, as stored, and ends with its signal", async () => {
  const { log, options } = await openTestLog();
  const stop = new AbortController();
  const seen: string[] = [];
  const reading = (async () => {
    for await (const line of tailLog(log, { user: "bob" }, stop.signal)) {
      seen.push(line);
      if (seen.length === 2) stop.abort();
    }
  })();
  await options.clock.step(0);
  for (const user of ["alice", "bob", "eve", "bob"]) await log.emit(loginOf(1, user));
  await reading;
  assert.deepEqual(seen, linesOf(options.files, day).filter((line) => line.includes('"bob"')));
  await log.close();
});

Deno.test("20,000 events are taken in, checked, chained and stored within seconds", async () => {
  const { log } = await openTestLog();
  const began = performance.now();
  for (let n = 0; n < 20; n += 1) {
    await log.append(agent, { spool: "s", first: n * 1000 + 1, events: batch(n * 1000, 1000) });
  }
  const took = performance.now() - began;
  assert.ok(log.end.seq >= 20_000);
  assert.ok(took < 8000, `${took} ms`);
  await log.close();
});
