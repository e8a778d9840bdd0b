/** `remoteler audit verify` finds every kind of tampering and names the place. */
import { match, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { remoteler } from "../../scripts/lab/services.ts";
import { must } from "../../scripts/lab/tools.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { siteSuite } from "../site.ts";
import { RawClient } from "../postgres/raw_client.ts";

let head = "";

const test = siteSuite({}, async (site) => {
  const alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  const client = await RawClient.login(await site.through(alice, "orders"));
  for (let i = 0; i < 20; i++) await client.query(`select 'statement ${i}'`);
  client.close();
  for (let i = 0; i < 100; i++) {
    if ((await site.events(["--user=alice"])).some((e) => e["event"] === "db.session.end")) break;
  }
  head = await site.remoteler(["audit", "head"]);
});

/** Changes a copy of the log and says what verify says of it. */
async function tampered(
  site: Site,
  change: (lines: string[]) => string[] | null,
  keptHead = false,
): Promise<{ code: number; said: string }> {
  const from = join(site.auth.dataDir, "audit");
  const copy = await Deno.makeTempDir();
  await must("cp", ["-r", `${from}/.`, copy]);
  const file =
    [...Deno.readDirSync(copy)].map((e) => e.name).filter((n) => /^\d{4}-/.test(n)).sort()[0];
  const path = join(copy, file ?? "");
  const lines = Deno.readTextFileSync(path).split("\n").filter((l) => l);
  const changed = change(lines);
  if (changed === null) Deno.removeSync(path);
  else Deno.writeTextFileSync(path, changed.map((l) => l + "\n").join(""));
  const headFile = join(copy, "..", `head-${crypto.randomUUID()}.json`);
  Deno.writeTextFileSync(headFile, head);
  const done = await remoteler(site.auth.configFile, [
    ...["audit", "verify", `--dir=${copy}`],
    ...(keptHead ? [`--head=${headFile}`] : []),
  ]);
  await Deno.remove(copy, { recursive: true });
  await Deno.remove(headFile);
  return { code: done.code, said: done.stdout + done.stderr };
}

test("an untouched log verifies, with a kept head as well", async (site) => {
  strictEqual((await tampered(site, (lines) => lines)).code, 0);
  const kept = await tampered(site, (lines) => lines, true);
  strictEqual(kept.code, 0, kept.said);
});

const middle = (lines: readonly string[]) => Math.floor(lines.length / 2);

const changes: Readonly<Record<string, (lines: string[]) => string[]>> = {
  "a changed line": (lines) =>
    lines.map((l, i) => i === middle(lines) ? l.replace('"time":"2', '"time":"3') : l),
  "a dropped line": (lines) => lines.toSpliced(middle(lines), 1),
  "an inserted line": (lines) => lines.toSpliced(middle(lines), 0, lines[2] ?? ""),
  "swapped lines": (lines) => {
    const at = middle(lines);
    return lines.with(at, lines[at + 1] ?? "").with(at + 1, lines[at] ?? "");
  },
};

for (const [name, change] of Object.entries(changes)) {
  test(`${name} is found, and its place is named`, async (site) => {
    const found = await tampered(site, change);
    ok(found.code !== 0, "verify passed");
    match(found.said, /\d{4}-\d\d-\d\d\.ndjson/);
    match(found.said, /line \d+|:\d+/);
  });
}

test("the last line dropped is found against a kept head", async (site) => {
  const found = await tampered(site, (lines) => lines.slice(0, -1), true);
  ok(found.code !== 0, "verify passed");
});

test("a removed file is found", async (site) => {
  const found = await tampered(site, () => null, true);
  ok(found.code !== 0, "verify passed");
});
