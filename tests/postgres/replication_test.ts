/** Replication by PostgreSQL's own programs: refused, or with the role option relayed, counted. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { debianPostgres } from "../../scripts/lab/postgres.ts";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { exists, run, waitFor } from "../../scripts/lab/tools.ts";
import { plainSql, siteSuite, skipped } from "../site.ts";
import { type Env, RawClient } from "./raw_client.ts";

const binaries = await debianPostgres();
const hasDecoding = binaries !== null && await exists(join(binaries.bin, "pg_recvlogical"));
let plain: Env;
let streaming: Person;

const test = siteSuite(
  {
    ...(binaries === null ? {} : { binaries }),
    sql: `${plainSql}\nalter role alice replication;\n`,
    hba: [
      "hostssl all all 127.0.0.1/32 cert clientcert=verify-full",
      "hostssl replication all 127.0.0.1/32 cert clientcert=verify-full",
    ],
    settings: ["wal_level = logical"],
  },
  async (site) => {
    const names = { dbUsers: ["alice"], dbNames: ["orders", "replication"] };
    const alice = await site.addUser("alice", names);
    await site.login(alice, "alice");
    plain = await route(site, alice, "orders");
    await site.putRole("streaming", {
      allow: {
        db_labels: { "*": "*" },
        db_users: ["alice"],
        db_names: ["orders", "replication"],
      },
      options: { allow_replication: true },
    });
    streaming = await site.addUser("sam", { ...names, roles: ["streaming"] });
    await site.login(streaming, "sam");
  },
);

test("replication is refused without the role option, physical and logical", async (site) => {
  for (const how of ["true", "database", "on"]) {
    const said = await RawClient.greeted(plain, 0x30000, { replication: how })
      .then(({ client }) => (client.close(), ""), (e) => String(e));
    match(said, /FATAL \w{5} .*don't allow replication.*allow_replication: true/s);
  }
  (await RawClient.greeted(plain, 0x30000, { replication: "false" })).client.close();
  const refused = await waitFor("the events", 10_000, async () => {
    const starts = await site.events(["--user=alice", "--events=db.session.start"]);
    const found = starts.filter((e) => JSON.stringify(e).includes("db.no-replication"));
    return found.length === 3 ? found : null;
  });
  ok(refused.every((e) => e["code"] === "TDB00W"));
});

test("pg_recvlogical streams changes, whose volume is recorded", async (site) => {
  if (binaries === null || !hasDecoding) return skipped("pg_recvlogical", "it is not installed");
  const env = await route(site, streaming, "orders");
  const recv = (...args: string[]) =>
    run(join(binaries.bin, "pg_recvlogical"), ["-d", "orders", "--slot=lab", ...args], { env });
  const made = await recv("--create-slot", "--plugin=test_decoding");
  strictEqual(made.code, 0, made.stderr);
  const writer = await RawClient.login(env);
  await writer.query("create table t (id int, filler text)");
  await writer.query("insert into t select n, repeat('x', 1000) from generate_series(1, 300) n");
  const [[end = ""] = []] = await writer.query("select pg_current_wal_lsn()");
  await writer.query("select pg_logical_emit_message(false, 'a', 'b')");
  writer.close();
  const got = await recv("--start", "--no-loop", `--endpos=${end}`, "--file=-");
  strictEqual(got.code, 0, got.stderr);
  strictEqual(got.stdout.split("\n").filter((line) => line.includes("INSERT: id")).length, 300);
  const copy = await copyOf(site, "START_REPLICATION SLOT");
  strictEqual(copy.direction, "both");
  ok(copy.bytes > got.stdout.length, `${copy.bytes} of ${got.stdout.length} bytes`);
});

test("pg_receivewal streams the log itself until it is stopped", async (site) => {
  if (binaries === null) return skipped("pg_receivewal", "it is not installed");
  const env = await route(site, streaming, "replication");
  const dir = join(site.dir, "wal");
  await Deno.mkdir(dir);
  const child = new Deno.Command(join(binaries.bin, "pg_receivewal"), {
    args: ["-D", dir, "--no-loop", "--verbose"],
    env: { ...env },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  await waitFor("log arrives", 15_000, async () => {
    const files = await Array.fromAsync(Deno.readDir(dir));
    return files.some(({ name }) => name.endsWith(".partial"));
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  child.kill("SIGINT");
  const done = await child.output();
  strictEqual(done.code, 0, new TextDecoder().decode(done.stderr));
  const copy = await copyOf(site, "START_REPLICATION ", "SLOT");
  strictEqual(copy.direction, "both");
  ok(copy.bytes > 10_000);
});

test("the log verifies after the run", async (site) => {
  await site.verifyAudit();
  const starts = await site.events(["--user=sam", "--events=db.session.start"]);
  deepStrictEqual(starts.filter((e) => e["success"] !== true), []);
});

async function route(site: Site, person: Person, name: string): Promise<Env> {
  await person.mustTsh(["db", "login", "orders", "--db-user=alice", `--db-name=${name}`]);
  const dir = join(person.home, name);
  const env = await site.through(person, "orders");
  // The next `tsh db login` for the same database writes over these.
  await Deno.mkdir(dir, { recursive: true });
  for (const key of ["PGSSLCERT", "PGSSLKEY"]) {
    await Deno.copyFile(env[key] ?? "", join(dir, key));
    await Deno.chmod(join(dir, key), 0o600);
  }
  return { ...env, PGSSLCERT: join(dir, "PGSSLCERT"), PGSSLKEY: join(dir, "PGSSLKEY") };
}

/** The volume of the COPY that this command's event tells, once it is over. */
async function copyOf(
  site: Site,
  command: string,
  not = "\0",
): Promise<{ readonly direction: string; readonly bytes: number }> {
  return await waitFor("the event", 15_000, async () => {
    const events = await site.events(["--user=sam", "--events=db.session.query"]);
    const found = events.find((e) => {
      const text = String(e["db_query"]);
      return text.startsWith(command) && !text.includes(not) && e["outcome"] !== "started";
    });
    const copy = found?.["copy"];
    return typeof copy === "object" && copy !== null && "direction" in copy && "bytes" in copy
      ? { direction: String(copy.direction), bytes: Number(copy.bytes) }
      : null;
  });
}
