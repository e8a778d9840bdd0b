/** The exit codes of docs/errors.md, by real processes: who has to act can be told by a script. */
import { match, ok, strictEqual } from "node:assert/strict";
import { exitCodes } from "../../lib/core/fault.ts";
import { join } from "../../scripts/lab/paths.ts";
import { type Person, programs } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { type Finished, freePort, root, waitFor } from "../../scripts/lab/tools.ts";
import { have, siteSuite } from "../site.ts";

let alice: Person;

const test = siteSuite({ databases: { orders: {}, closed: {} } }, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await site.remoteler(["lock", "--service=closed"]);
});

/** `tsh ...` as alice, `remoteler ...` on Auth's host; `$proxy` and `$pin` stand for the site's. */
async function typed(site: Site, line: readonly string[], input?: string): Promise<Finished> {
  const [program, ...args] = line.map((word) =>
    word.replace("$proxy", site.proxyAddress).replace("$pin", site.caPin)
  );
  const [own = "", ...first] = program === "tsh" ? programs().tsh : programs().remoteler;
  const env = [`REMOTELER_CONFIG=${site.auth.configFile}`, "EDITOR=false"];
  return await alice.run("env", [...env, own, ...first, ...args], input);
}

const loginArgs = ["--proxy=$proxy", "--ca-pin=$pin", "--password-stdin"];
const cases: readonly [kind: string, code: number, line: readonly string[], input?: string][] = [
  ["success", 0, ["tsh", "version"]],
  ["success", 0, ["tsh", "--help"]],
  ["success", 0, ["remoteler", "users", "ls"]],
  ["unauthenticated", 4, ["tsh", "login", "--user=alice", ...loginArgs], "wrong\n"],
  ["unauthenticated", 4, ["tsh", "db", "env", "orders"]],
  ["unauthenticated", 4, ["tsh", "db", "ls", "--proxy=elsewhere.example"]],
  ["denied", 5, ["tsh", "db", "login", "orders", "--db-user=postgres"]],
  ["denied", 5, ["tsh", "db", "login", "closed"]],
  ["invalid", 2, ["tsh", "no-such-command"]],
  ["invalid", 2, ["tsh", "db"]],
  ["invalid", 2, ["tsh"]],
  ["invalid", 2, ["tsh", "db", "ls", "--format=xml"]],
  ["invalid", 2, ["tsh", "db", "exec", "select 1", "--search=o"]],
  ["invalid", 2, ["remoteler", "edit", "role/access"]],
  ["invalid", 2, ["remoteler", "create"], "kind: nonsense"],
  ["network", 6, ["tsh", "login", "--user=x", "--proxy=localhost:1", "--password-stdin"], "x\n"],
  ["conflict", 1, ["remoteler", "users", "add", "alice", "--roles=access"]],
  ["missing", 1, ["tsh", "db", "login", "no-such-database"]],
  ["missing", 1, ["remoteler", "get", "user/nobody"]],
  ["missing", 1, ["remoteler", "status", "-c", "/no/such/file"]],
  ["unavailable", 7, ["remoteler", "status", "--data-dir=/nonexistent"]],
];
for (const [kind, code, line, input] of cases) {
  test(`${code} (${kind}): ${line.join(" ")}`, async (site) => {
    ok(
      kind === "success" ||
        Object.entries(exitCodes).some((one) => one.join() === `${kind},${code}`),
    );
    const done = await typed(site, line, input);
    strictEqual(done.code, code, done.stderr + done.stdout);
    if (code === 0) return;
    strictEqual(done.stdout, "");
    const [program] = line;
    if (done.stderr.startsWith("Usage: ")) return;
    match(done.stderr, new RegExp(`^${program}: error: .+\n${program}: hint: .+\n$`, "m"));
  });
}

test("1: some of several failed, as db exec and doctor say", async (site) => {
  const done = await typed(site, ["tsh", "db", "exec", "select 1/0", "orders"]);
  strictEqual(done.code, 1);
  match(done.stderr, /^tsh: error: orders: ERROR: {2}division by zero \(22012\)\n$/);
  await site.postgres.stop("immediate");
  strictEqual((await typed(site, ["tsh", "doctor"])).code, 1);
  await site.startPostgres();
});

test("6 (target): a database that can't be reached", async (site) => {
  await site.postgres.stop("immediate");
  const done = await typed(site, ["tsh", "db", "shell", "orders"], "select 1;\n");
  await site.startPostgres();
  strictEqual(done.code, 6, done.stderr);
  match(done.stderr, /^tsh: error: .*orders.*\ntsh: hint: /);
});

test("7 (unavailable): a local port that is taken", async (site) => {
  const port = freePort();
  const taken = Deno.listen({ hostname: "127.0.0.1", port });
  const done = await typed(site, ["tsh", "proxy", "db", "orders", `--port=${port}`]);
  taken.close();
  strictEqual(done.code, 7);
  match(done.stderr, new RegExp(`the local port ${port} is taken\ntsh: hint: `));
});

test("7 (limit): too many wrong passwords", async (site) => {
  await site.addUser("mallory");
  const guess = () => typed(site, ["tsh", "login", "--user=mallory", ...loginArgs], "wrong\n");
  const last = await waitFor("the lockout", 60_000, async () => {
    const done = await guess();
    return done.code === 4 ? null : done;
  });
  strictEqual(last.code, 7, last.stderr);
  match(last.stderr, /tsh: hint: /);
});

test("the program's own code: tsh db connect", async (site) => {
  if (!(await have("psql", "tsh db connect's exit code"))) return;
  const psql = ["tsh", "db", "connect", "orders", "--", "-XAtc"];
  strictEqual((await typed(site, [...psql, "select 1/0"])).code, 1);
  strictEqual((await typed(site, [...psql, "select 1"])).code, 0);
  const lost = ["-XAtc", "select 1", "-h", "localhost", "-p", "1"];
  strictEqual((await typed(site, [...psql.slice(0, -1), ...lost])).code, 2);
});

test("130 (cancelled): Ctrl-C while it waits", async () => {
  const [program = "", ...first] = programs().tsh;
  const child = new Deno.Command(program, {
    args: [...first, "db", "exec", "select pg_sleep(30)", "orders"],
    env: { ...alice.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let ended = false;
  const output = child.output().finally(() => ended = true);
  // The handler is there once the first call is under way; before that SIGINT simply ends it.
  const timer = setInterval(() => ended || child.kill("SIGINT"), 1500);
  const { code, stderr } = await output;
  clearInterval(timer);
  strictEqual(code, 130);
  match(new TextDecoder().decode(stderr), /^(tsh: error: interrupted\n)?$/);
});

test("141: whoever reads the output left", async (site) => {
  const line = (program: readonly string[]) => program.map((word) => `'${word}'`).join(" ");
  const export_ = `${line(programs().remoteler)} audit export -c '${site.auth.configFile}'`;
  const done = await alice.run("bash", ["-c", `${export_} | true; echo "\${PIPESTATUS[0]}"`]);
  strictEqual(done.stdout, "141\n");
  strictEqual(done.stderr, "");
});

test("every exit code of a command is on the page", async () => {
  const page = await Deno.readTextFile(join(root, "docs", "errors.md"));
  for (const code of [0, 1, 2, 4, 5, 6, 7, 70, 130, 141]) {
    match(page, new RegExp(`\\| *${code} *\\|`), String(code));
  }
});
