import assert from "node:assert/strict";
import { testBackend } from "../../../tests/conformance/backend.ts";
import { SteppingClock } from "../../../tests/fakes/clock.ts";
import { Fault } from "../../core/fault.ts";
import { openSqlite } from "../../sys/sqlite.ts";
import { sqliteBackend } from "./mod.ts";

const value = new TextEncoder().encode("v");

testBackend(
  "sqlite",
  (clock) => Promise.resolve(sqliteBackend(openSqlite(":memory:"), clock)),
);

Deno.test("sqlite: state survives closing and opening again, its revision too", async () => {
  await inFile(async (path) => {
    const clock = new SteppingClock(0);
    const first = sqliteBackend(openSqlite(path), clock);
    await first.commit({ puts: [{ key: ["lease"], value, expires: 50 }] });
    await first.commit({ puts: [{ key: ["a"], value }] });
    const last = await first.commit({ deletes: [["a"]] });
    await first.close();

    const second = sqliteBackend(openSqlite(path), clock);
    const next = await second.commit({ puts: [{ key: ["a"], value }] });
    assert.ok(last.ok && next.ok && next.revision === last.revision + 1n);
    assert.equal((await second.list([], { limit: 10 })).length, 2);
    await clock.step(100);
    assert.equal((await second.list([], { limit: 10 })).length, 1);
    await second.close();
  });
});

Deno.test("sqlite: a second opener of the file is refused at once", async () => {
  await inFile(async (path) => {
    const clock = new SteppingClock(0);
    const first = sqliteBackend(openSqlite(path), clock);
    const other = openSqlite(path);
    assert.throws(
      () => sqliteBackend(other, clock),
      (error) => error instanceof Fault && error.code === "backend.locked",
    );
    other.close();
    await first.close();
    await sqliteBackend(openSqlite(path), clock).close();
    const again = openSqlite(path);
    const reopened = sqliteBackend(again, clock);
    const late = openSqlite(path);
    assert.throws(
      () => sqliteBackend(late, clock),
      (error) => error instanceof Fault && error.code === "backend.locked",
    );
    late.close();
    await reopened.close();
  });
});

Deno.test("sqlite: a file of a later version is refused, not changed", async () => {
  await inFile((path) => {
    const newer = openSqlite(path);
    newer.exec("PRAGMA user_version = 99");
    newer.close();
    const database = openSqlite(path);
    assert.throws(
      () => sqliteBackend(database, new SteppingClock(0)),
      (error) => error instanceof Fault && error.code === "backend.too-new",
    );
    database.close();
    return Promise.resolve();
  });
});

Deno.test("sqlite: a failed write leaves nothing behind and the next one works", async () => {
  const database = openSqlite(":memory:");
  const backend = sqliteBackend(database, new SteppingClock(0));
  database.exec(
    `CREATE TEMP TRIGGER full BEFORE INSERT ON item WHEN NEW.key = x'62616400'
     BEGIN SELECT RAISE(ABORT, 'disk is full'); END`,
  );
  const both = { puts: [{ key: ["good"], value }, { key: ["bad"], value }] };
  await assert.rejects(
    backend.commit(both),
    (error) => error instanceof Fault && error.code === "backend.failed",
  );
  assert.equal(await backend.get(["good"]), null);
  assert.equal((await backend.commit({ puts: [{ key: ["good"], value }] })).ok, true);
  await backend.close();
});

Deno.test("sqlite: the file is written ahead, each commit to the disk", async () => {
  await inFile(async (path) => {
    const database = openSqlite(path);
    const backend = sqliteBackend(database, new SteppingClock(0));
    const pragma = (name: string) => Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {});
    assert.deepEqual(pragma("journal_mode"), ["wal"]);
    assert.deepEqual(pragma("synchronous"), [2]);
    // A lease doesn't wait for the disk; whatever comes after it does.
    const value = new Uint8Array(1);
    await backend.commit({ puts: [{ key: ["lease"], value }], mayBeLost: true });
    assert.deepEqual(pragma("synchronous"), [1]);
    await backend.commit({ puts: [{ key: ["user"], value }] });
    assert.deepEqual(pragma("synchronous"), [2]);
    await backend.close();
  });
});

Deno.test("sqlite: what was answered survives kill -9, and nothing is half there", async () => {
  await inFile(async (path) => {
    for (const lines of [1, 20, 100]) {
      const last = await killWriter(path, lines);
      const backend = sqliteBackend(openSqlite(path), new SteppingClock());
      const [a, b] = await backend.list([], { limit: 10 });
      assert.ok(a && b && a.revision >= last, `answered ${last}, kept ${a?.revision}`);
      assert.deepEqual([a.revision, a.value], [b.revision, b.value]);
      await backend.close();
    }
  });
});

/** Lets the writer answer some commits, kills it, and gives the last revision that it answered. */
async function killWriter(path: string, lines: number): Promise<bigint> {
  const script = new URL("./endless_writer_fake.ts", import.meta.url).pathname;
  const args = ["run", "--no-check", "-A", script, path];
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
  let text = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.split("\n").length > lines) {
      child.kill("SIGKILL");
      break;
    }
  }
  await child.status;
  return BigInt(text.split("\n").at(-2) ?? "");
}

async function inFile(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(`${folder}/state.sqlite`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
