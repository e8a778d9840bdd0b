/** `dist/remoteler` and `dist/tsh`, alone in an empty folder of another user, do the whole way. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { serverUser } from "../../scripts/lab/postgres.ts";
import { freshFolder, Site } from "../../scripts/lab/site.ts";
import { exists, must, root, run, type ServerUser, waitFor } from "../../scripts/lab/tools.ts";
import { anyPostgres, have, plainSql, skipped } from "../site.ts";

const quiet = { sanitizeOps: false, sanitizeResources: false };
const dir = await freshFolder("remoteler-dist-");
const place = join(dir, "alone");

Deno.test.afterAll(() => Deno.remove(dir, { recursive: true }).catch(() => {}));

Deno.test({
  name: "the build makes two files that need nothing beside them",
  ...quiet,
  fn: async () => {
    await must(join(root, "scripts", "build"), [], { cwd: root, timeoutMs: 600_000 });
    await Deno.mkdir(place);
    for (const name of ["remoteler", "tsh"]) {
      await Deno.copyFile(join(root, "dist", name), join(place, name));
      await Deno.chmod(join(place, name), 0o755);
    }
    deepStrictEqual([...Deno.readDirSync(place)].map((e) => e.name).sort(), ["remoteler", "tsh"]);
  },
});

Deno.test({
  name: "they do the whole way as another user, in an empty environment",
  ...quiet,
  fn: async () => {
    if (!(await have("psql", "the executables with psql"))) return;
    const as: ServerUser | null = await serverUser();
    if (as === null) skipped("the executables as another user", "only root can become one");
    const home = join(dir, "site");
    await Deno.mkdir(home, { mode: 0o711 });
    Deno.env.set("REMOTELER_DIST", place);
    const site = await Site.open({
      dir: home,
      binaries: await anyPostgres(),
      sql: plainSql,
      databases: { orders: { env: "test" } },
      ...(as ? { as } : {}),
    });
    try {
      const alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
      await site.login(alice, "alice");
      match(await alice.mustTsh(["db", "ls"]), /orders/);
      await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
      const done = await alice.run("psql", [
        "service=orders",
        "-XAtc",
        "select current_user, 6 * 7",
      ]);
      strictEqual(done.stdout.trim(), "alice|42", done.stderr);
      await waitFor(
        "the statement is in the audit log",
        10_000,
        async () =>
          (await site.events()).some((e) => e["db_query"] === "select current_user, 6 * 7"),
      );
      await site.remoteler(["audit", "verify"]);
      match((await alice.tsh(["version"])).stdout, /^tsh \d+\.\d+\.\d+/);
    } finally {
      await site.close();
      Deno.env.delete("REMOTELER_DIST");
    }
  },
});

Deno.test({
  name: "a damaged executable says so and runs nothing",
  ...quiet,
  fn: async () => {
    if (!(await isPortable())) return;
    const path = join(dir, "damaged");
    const bytes = await Deno.readFile(join(place, "tsh"));
    const at = Math.floor(bytes.length / 2);
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    await Deno.writeFile(path, bytes, { mode: 0o755 });
    const done = await run(path, ["version"], {
      env: { HOME: "", REMOTELER_CACHE: join(dir, "damaged-cache") },
    });
    strictEqual(done.code, 70);
    match(done.stderr, /damaged/);
  },
});

Deno.test({
  name:
    "eight first starts at once all work, and the environment's runtime settings don't reach it",
  ...quiet,
  fn: async () => {
    const cache = join(dir, "race-cache");
    const starts = Array.from({ length: 8 }, () =>
      run(join(place, "tsh"), ["version"], {
        env: {
          HOME: "",
          REMOTELER_CACHE: cache,
          NODE_OPTIONS: "--nonsense",
          DENO_NO_PACKAGE_JSON: "1",
        },
      }));
    for (const done of await Promise.all(starts)) strictEqual(done.code, 0, done.stderr);
  },
});

Deno.test({
  name: "without any folder to unpack into, one clear error",
  ...quiet,
  fn: async () => {
    if (!(await isPortable())) return;
    const done = await run("/usr/bin/env", [
      "-i",
      "PATH=/usr/bin:/bin",
      join(place, "tsh"),
      "version",
    ]);
    strictEqual(done.code, 70);
    match(done.stderr, /REMOTELER_CACHE/);
  },
});

/** The portable form is a shell script with the rest packed behind it. */
async function isPortable(): Promise<boolean> {
  if (!(await exists(join(place, "tsh")))) return false;
  using file = await Deno.open(join(place, "tsh"));
  const head = new Uint8Array(9);
  await file.read(head);
  return new TextDecoder().decode(head) === "#!/bin/sh";
}
