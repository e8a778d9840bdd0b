/**
 * `./scripts/demo`: the whole way of a statement, on this machine, in processes of their own.
 * `--once` ends after its checks; otherwise it stays up until Ctrl-C.
 */
import { join } from "./lab/paths.ts";
import { debianPostgres, embeddedPostgres, type PostgresBinaries } from "./lab/postgres.ts";
import type { Person } from "./lab/services.ts";
import { freshFolder, Site } from "./lab/site.ts";
import { type Finished, waitFor, which } from "./lab/tools.ts";
import { queryThroughDriver } from "./lab/query.ts";

const once = Deno.args.includes("--once");
const began = performance.now();
const problems: string[] = [];
const failing = "select 1 / 0";
const statements = [
  "create table items (id int primary key, name text)",
  "insert into items values (1, 'tea'), (2, 'cake')",
  "select * from items order by id",
  failing,
];
const dbLogin = ["db", "login", "orders", "--db-user=alice", "--db-name=orders"];

const sql = `
create role alice login;

create role postgres_admin login;

create database orders owner alice;
`;

const dir = await freshFolder("remoteler-demo-");
let site: Site | null = null;
try {
  site = await play();
} catch (e) {
  problems.push(e instanceof Error ? e.message : String(e));
}
if (problems.length === 0 && !once && site) await stay(site);
say("");
say("stopping ...");
await site?.close();
await Deno.remove(dir, { recursive: true }).catch(() => {});
if (problems.length > 0) {
  for (const problem of problems) say(`problem: ${problem}`);
  say("the demo failed");
  Deno.exit(1);
}
say(`the demo passed in ${((performance.now() - began) / 1000).toFixed(0)} s`);

async function play(): Promise<Site> {
  title("1. Three services and a database");
  const opened = await Site.open({
    dir,
    binaries: await someDatabase(),
    sql,
    databases: { orders: { env: "demo" } },
    say,
  });
  say(`   public address ${opened.proxyAddress}`);
  say(`   PostgreSQL at port ${opened.postgres.port} takes no passwords at all`);

  title("2. Two people and their roles");
  const alice = await opened.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  say("   alice may be database user `alice` in database `orders` (role `access`)");
  const mallory = await opened.addUser("mallory", { roles: ["auditor"] });
  say("   mallory may read the audit log, and no database (role `auditor`)");

  title("3. alice logs in and runs plain SQL");
  await granted(opened, alice);

  title("4. mallory is refused, and told why");
  await refused(opened, mallory, alice);

  title("5. What the audit log says");
  await explain(opened);

  title("6. Nobody changed it");
  command("remoteler audit head > head.json       (keep it elsewhere)");
  const head = join(dir, "head.json");
  await Deno.writeTextFile(head, await opened.remoteler(["audit", "head"]));
  command("remoteler audit verify --head head.json");
  show(await opened.remoteler(["audit", "verify", `--head=${head}`]));
  return opened;
}

/** The embedded PostgreSQL, or the machine's own where that can't be had. */
async function someDatabase(): Promise<PostgresBinaries> {
  try {
    return await embeddedPostgres(say);
  } catch (e) {
    const installed = await debianPostgres();
    if (installed) return installed;
    throw e;
  }
}

async function granted(opened: Site, alice: Person): Promise<void> {
  await opened.login(alice, "alice");
  command("tsh login --proxy=" + opened.proxyAddress + " --user=alice");
  show(await alice.mustTsh(["db", "ls"]));
  await alice.mustTsh([...dbLogin]);
  command("tsh " + dbLogin.join(" "));
  for (const text of statements) {
    command(`psql service=orders -c "${text}"`);
    const done = await query(alice, text);
    show(done.stdout + done.stderr);
    if (text !== failing && done.code !== 0) {
      problems.push(`alice's statement failed: ${done.stderr}`);
    }
  }
}

async function refused(opened: Site, mallory: Person, alice: Person): Promise<void> {
  await opened.login(mallory, "mallory");
  command(`tsh ${dbLogin.join(" ")}   (as mallory)`);
  const login = await mallory.tsh([...dbLogin]);
  show(login.stderr);
  if (login.code === 0) problems.push("mallory got a certificate for a database");
  command("psql service=orders user=postgres_admin                (as alice)");
  const other = await query(alice, "select 1", "postgres_admin");
  show(other.stderr);
  if (other.code === 0) problems.push("alice got in as another database user");
}

/** psql where there is one, else the driver that the project's tests use. */
async function query(person: Person, text: string, as?: string): Promise<Finished> {
  if (await which("psql")) {
    return await person.run("psql", [`service=orders${as ? ` user=${as}` : ""}`, "-X", "-c", text]);
  }
  return await queryThroughDriver(
    JSON.parse(await person.mustTsh(["db", "env", "orders", "--format=json"])),
    text,
    as,
  );
}

async function explain(opened: Site): Promise<void> {
  const wanted = ["user.login", "db.session.start", "db.session.query", "db.session.end"];
  const events = await waitFor("the events have arrived", 15_000, async () => {
    const all = await opened.events();
    const statements = all.filter((e) => e["event"] === "db.session.query");
    return statements.length >= 4 && all.some((e) => e["code"] === "TDB00W") ? all : null;
  });
  for (const event of events.filter((e) => wanted.includes(String(e["event"])))) {
    say("   " + line(event));
  }
  const codes = new Set(events.map((e) => e["code"]));
  for (const code of ["T1000I", "TDB00I", "TDB00W", "TDB02I"]) {
    if (!codes.has(code)) problems.push(`no event with code ${code}`);
  }
  say("");
  say("   TDB00I opened a session, TDB00W was refused one, TDB02I is one statement with its");
  say("   outcome, TDB01I the end of a session.");
  say("   Each is a line of JSON: `remoteler audit search --format=json` shows them whole.");
}

function line(event: Record<string, unknown>): string {
  const error = event["error"];
  const words = [
    String(event["code"]).padEnd(7),
    String(event["user"] ?? "").padEnd(8),
    String(event["db_user"] ?? "").padEnd(14),
    event["db_query"] ?? event["message"] ?? event["event"],
  ];
  if (event["event"] === "db.session.query") {
    words.push(
      event["success"] ? `-> ${event["rows"] ?? 0} rows, ${event["duration_ms"]} ms` : "-> failed",
    );
  }
  if (error && typeof error === "object" && "message" in error) words.push(`(${error.message})`);
  else if (typeof error === "string" && error) words.push(`(${error})`);
  return words.join(" ");
}

async function stay(opened: Site): Promise<void> {
  title("It stays up. Try, in another terminal:");
  const home = join(dir, "home-alice");
  say(`   export PGSERVICEFILE=${join(home, ".pg_service.conf")}`);
  say("   psql service=orders");
  say(`   REMOTELER_CONFIG=${opened.auth.configFile} deno run -A cmd/remoteler.ts audit tail`);
  say(
    `   REMOTELER_CONFIG=${opened.auth.configFile} deno run -A cmd/remoteler.ts lock --user=alice`,
  );
  say("   Ctrl-C here stops everything and removes its files.");
  await new Promise<void>((resolve) => {
    const done = () => resolve();
    Deno.addSignalListener("SIGINT", done);
    Deno.addSignalListener("SIGTERM", done);
  });
}

function title(text: string): void {
  say("");
  say(text);
}

function command(text: string): void {
  say(`   $ ${text}`);
}

function show(text: string): void {
  for (const part of text.trimEnd().split("\n")) if (part) say(`     ${part}`);
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
