/** The two executables of a build, alone in an empty folder of another user, do the whole way. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { serverUser } from "../../scripts/lab/postgres.ts";
import { freshFolder, Site } from "../../scripts/lab/site.ts";
import { must, root, type ServerUser, waitFor } from "../../scripts/lab/tools.ts";
import { anyPostgres, have, plainSql, skipped } from "../site.ts";

const quiet = { sanitizeOps: false, sanitizeResources: false };
const dir = await freshFolder("remoteler-dist-");
const place = join(dir, "alone");

Deno.test.afterAll(() => Deno.remove(dir, { recursive: true }).catch(() => {}));

Deno.test({
  name: "the build makes two files that need nothing beside them",
  ...quiet,
  fn: async () => {
    await must(join(root, "scripts", "build"), [`--dist=${place}`], { timeoutMs: 600_000 });
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
      await site.verifyAudit();
      match((await alice.tsh(["version"])).stdout, /^tsh \d+\.\d+\.\d+/);
    } finally {
      await site.close();
      Deno.env.delete("REMOTELER_DIST");
    }
  },
});
