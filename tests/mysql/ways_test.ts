/** The ways by which programs of MySQL come: the proxy's own port, a local port, end to end. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { Person } from "../../scripts/lab/services.ts";
import { waitFor } from "../../scripts/lab/tools.ts";
import { addAlice, mysqlSuite, realServers } from "./site.ts";

const servers = await realServers();
let alice: Person;
const test = mysqlSuite(servers, {}, async (site) => {
  alice = await addAlice(site, servers);
});

const who = "select current_user(), database(), @@version";

test("db login writes a group, and its command comes in by the proxy's own port", async (at) => {
  const said = await alice.mustTsh(["db", "login", at.service, "--db-name=shop"]);
  strictEqual(said, `mysql --defaults-group-suffix=_${at.service}\n`);
  const [program = "", ...first] = at.server.binaries.client;
  const suffix = `--defaults-group-suffix=_${at.service}`;
  const answer = await alice.run(program, [...first, suffix, "--batch", "-N", "-e", who]);
  deepStrictEqual({ ...answer, stdout: "" }, { code: 0, stdout: "", stderr: "" });
  match(answer.stdout, /^alice@%\tshop\t\d+\.\d+/);
});

test("db connect runs the program that is here, greeted with the real version", async (at) => {
  const answer = await alice.tsh([
    ...["db", "connect", at.service, "--", "--batch", "-N", "-e", `${who}; \\s`],
  ]);
  strictEqual(answer.code, 0, answer.stderr);
  match(answer.stdout, /^alice@%\tshop\t\d+\.\d+/);
  const version = (await at.server.query("select @@version")).trim();
  ok(answer.stdout.includes(`Server version:\t\t${version}`), answer.stdout);
});

test("end to end: the Database Service itself greets", async (at) => {
  const answer = await alice.tsh([
    ...["db", "connect", at.service, "--end-to-end", "--", "--batch", "-N", "-e", who],
  ]);
  strictEqual(answer.code, 0, answer.stderr);
  const started = await waitFor("its start is on record", 10_000, async () => {
    const all = await at.site.events(["--events=db.session.start", `--database=${at.service}`]);
    return all.find((event) => event["end_to_end"] === true);
  });
  strictEqual(started["success"], true);
  strictEqual(started["db_user"], "alice");
});
