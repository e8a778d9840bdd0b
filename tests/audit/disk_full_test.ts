/** A full disk under the spool: no statement goes on unrecorded, and room ends the trouble. */
import { match } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import type { Person } from "../../scripts/lab/services.ts";
import { isRoot, must, waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { type Env, RawClient } from "../postgres/raw_client.ts";
import { siteSuite, skipped } from "../site.ts";

if (!isRoot()) skipped("a full disk under the spool", "only root can mount a small disk");
else suite();

function suite(): void {
  let alice: Person;
  let env: Env;
  let disk = "";

  const test = siteSuite({
    prepareData: async (dataDir) => {
      disk = dataDir;
      await Deno.mkdir(dataDir, { recursive: true });
      await must("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", dataDir]);
    },
  }, async (site) => {
    alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
    await site.login(alice, "alice");
    await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
    env = await site.through(alice, "orders");
  }, async () => {
    await must("umount", ["-l", disk]);
  });

  test("strict sessions end in words, none begin, and room ends it", async () => {
    const session = await RawClient.login(env);
    await session.query("select 1");
    const filler = join(disk, "filler");
    await must("sh", ["-c", `dd if=/dev/zero of='${filler}' bs=4096 2>/dev/null; true`]);
    const ended = await within(
      "the session ends",
      20_000,
      (async () => {
        for (let i = 0; i < 200; i++) await session.query(`select length('${"x".repeat(9000)}')`);
        return "never ended";
      })().catch((e) => e instanceof Error ? e.message : String(e)),
    );
    match(ended, /FATAL \w{5} .*(audit|record|disk)/is);
    session.close();
    const refused = await RawClient.login(env).then((c) => (c.close(), "let in"))
      .catch((e) => e.message);
    match(refused, /FATAL \w{5} .*(audit|record|disk)/is);
    await Deno.remove(filler);
    const again = await waitFor(
      "sessions begin again",
      20_000,
      () => RawClient.login(env).catch(() => null),
    );
    await again.query("select 'room again'");
    again.close();
  });

  test("what was recorded is in the log, and it verifies", async (site) => {
    await waitFor(
      "the event",
      15_000,
      async () => (await site.events()).some((e) => e["db_query"] === "select 'room again'"),
    );
    await site.verifyAudit();
  });
}
