import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { Fault } from "../core/fault.ts";
import * as files from "./files.ts";
import { watchFile } from "./watch_file.ts";
import { privateDirectory } from "./private_directory.ts";
import { openSqlite } from "./sqlite.ts";

async function inDirectory(run: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir();
  try {
    await run(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

Deno.test("a file is replaced as a whole, is private, and leaves no temporary behind", () =>
  inDirectory(async (path) => {
    await files.writeAtomic(`${path}/a`, "one");
    await files.writeAtomic(`${path}/a`, "two");
    strictEqual(await files.readText(`${path}/a`), "two");
    strictEqual((await files.stat(`${path}/a`))?.mode, 0o600);
    deepStrictEqual(await files.listDirectory(path), ["a"]);
    await rejects(
      files.writeAtomic(`${path}/none/a`, "x"),
      (e) => e instanceof Fault && e.fields["errno"] === "ENOENT",
    );
  }));

Deno.test("what is missing is null, false or empty, and nothing else is", () =>
  inDirectory(async (path) => {
    strictEqual(await files.readFile(`${path}/x`), null);
    strictEqual(await files.stat(`${path}/x`), null);
    strictEqual(await files.remove(`${path}/x`), false);
    deepStrictEqual(await files.listDirectory(`${path}/x`), []);
    await rejects(files.readText(path), Fault);
  }));

Deno.test("an append file grows at its end, can be cut, and is read in ranges", () =>
  inDirectory(async (path) => {
    const directory = await privateDirectory(`${path}/spool`);
    strictEqual((await files.stat(`${path}/spool`))?.mode, 0o700);
    const file = directory.append("seg-1");
    file.write(Uint8Array.of(1, 2, 3, 4));
    file.truncate(3);
    file.write(Uint8Array.of(9));
    await file.sync();
    strictEqual(file.bytes, 4);
    file.close();
    const again = directory.append("seg-1");
    strictEqual(again.bytes, 4);
    again.close();
    deepStrictEqual([...await directory.read("seg-1", 1, 100)], [2, 3, 9]);
    deepStrictEqual(await directory.list(), [{ name: "seg-1", bytes: 4 }]);
    throws(() => directory.append("../out"), Fault);
    await directory.remove("seg-1");
    await directory.sync();
    deepStrictEqual(await directory.list(), []);
  }));

Deno.test("a changed file is noticed, also when another is renamed over it", () =>
  inDirectory(async (path) => {
    await files.writeAtomic(`${path}/a`, "one");
    const changed = Promise.withResolvers<void>();
    const stop = watchFile(`${path}/a`, 20, () => changed.resolve());
    await new Promise((resolve) => setTimeout(resolve, 60));
    await files.writeAtomic(`${path}/a`, "two");
    await changed.promise;
    stop();
  }));

Deno.test("a database file is private and keeps what was written", () =>
  inDirectory(async (path) => {
    const one = openSqlite(`${path}/db`);
    one.exec("CREATE TABLE t (k BLOB, n INTEGER)");
    one.prepare("INSERT INTO t VALUES (?, ?)").run(Uint8Array.of(1), 5);
    one.close();
    strictEqual((await files.stat(`${path}/db`))?.mode, 0o600);
    const two = openSqlite(`${path}/db`);
    deepStrictEqual(two.prepare("SELECT n FROM t WHERE k = ?").get(Uint8Array.of(1))?.["n"], 5);
    two.close();
  }));
