/** Stored passwords by each method of PostgreSQL, and how far its certificate is checked. */
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { LabAuthority } from "../../scripts/lab/certificates.ts";
import type { Person } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { plainSql, siteSuite } from "../site.ts";
import { authenticated, type FakeServer, fakeServer, ready } from "./fake_server.ts";
import { concat, message, RawClient } from "./raw_client.ts";

const secrets = { scram: "sécret 1' ", hashed: "hashed \\ 2", clear: "clear 3" };
const sql = `${plainSql}
create role scram login password 'sécret 1'' ';

set password_encryption = 'md5';

create role hashed login password 'hashed \\ 2';

create role clear login password 'clear 3';
`;
const methods = { scram: "scram-sha-256", hashed: "md5", clear: "password" };
const fakes: FakeServer[] = [];
let alice: Person;

const test = siteSuite(
  {
    sql,
    hba: [
      ...Object.entries(methods).map(([user, how]) => `hostssl all ${user} 127.0.0.1/32 ${how}`),
      "hostssl all all 127.0.0.1/32 cert clientcert=verify-full",
    ],
    moreDatabases: async (site) => {
      Deno.env.set("LAB_HASHED_PASSWORD", secrets.hashed);
      const clear = await passwordFile(site, "clear", secrets.clear);
      return [
        database(site, "by-scram", {
          user: "scram",
          password_file: await passwordFile(site, "scram", secrets.scram),
        }),
        database(site, "by-md5", { user: "hashed", password_env: "LAB_HASHED_PASSWORD" }),
        database(site, "by-clear", { password_file: clear }),
        database(site, "clear-unverified", { password_file: clear }, { mode: "insecure" }),
        database(site, "no-password", null),
        database(site, "wrong", { password_file: await passwordFile(site, "wrong", "wrong") }),
        ...await pretenders(site),
      ];
    },
  },
  async (site) => {
    const dbUsers = ["alice", ...Object.keys(methods)];
    alice = await site.addUser("alice", { dbUsers, dbNames: ["postgres", "orders"] });
    await site.login(alice, "alice");
  },
  async () => {
    for (const fake of fakes) await fake.close();
  },
);

for (const [name, user] of [["by-scram", "scram"], ["by-md5", "hashed"], ["by-clear", "clear"]]) {
  test(`a session with a stored password ${name}`, async () => {
    const client = await login(name ?? "", user ?? "");
    deepStrictEqual(await client.query("select current_user"), [[user]]);
    client.close();
  });
}

test("a changed password file counts at the next login", async (site) => {
  await passwordFile(site, "scram", "not it");
  match(await refusal("by-scram", "scram"), /^FATAL \w{5} .*the database refused/s);
  await passwordFile(site, "scram", secrets.scram);
  (await login("by-scram", "scram")).close();
  const [event] = (await site.events(["--events=db.session.start"]))
    .filter((e) => e["db_service"] === "by-scram" && e["success"] === false);
  deepStrictEqual(event?.["error"], {
    code: "28P01",
    message: 'password authentication failed for user "scram"',
  });
});

test("a wrong password, none at all and another account are refused in words", async () => {
  match(await refusal("wrong", "clear"), /^FATAL \w{5} .*password authentication failed/s);
  match(await refusal("no-password", "scram"), /asks for a password.*has none for it/s);
  match(await refusal("by-scram", "hashed"), /database user scram only.*--db-user=scram/s);
});

test("a password in clear text goes only to a database that was verified", async () => {
  match(await refusal("clear-unverified", "clear"), /clear text.*not verified/s);
  (await login("clear-unverified", "scram").catch((e) => {
    // By SCRAM the password itself is never sent; this one is another account's.
    match(String(e), /password authentication failed/);
    return null;
  }))?.close();
});

test("verify-full checks CA and name, verify-ca the CA, insecure nothing", async () => {
  match(await refusal("other-name-full", "alice"), /can't be trusted.*another name/s);
  (await login("other-name-ca", "alice")).close();
  match(
    await refusal("other-ca-ca", "alice"),
    /can't be trusted.*not signed by the configured CA/s,
  );
  (await login("other-ca-insecure", "alice")).close();
});

test("databases without verified TLS are told loudly at the start", async (site) => {
  const log = await Deno.readTextFile(site.agents[0]?.logFile ?? "");
  const warnings = log.split("\n").filter((line) => line.includes("NOT VERIFIED"));
  deepStrictEqual(
    warnings.map((line) => /database ([\w-]+)/.exec(line)?.[1]),
    ["clear-unverified", "other-ca-insecure"],
  );
  ok(warnings.every((line) => line.includes('"warn"')));
});

test("no stored password is in a log or an event", async (site) => {
  const logs = [site.agents[0]?.logFile ?? "", site.proxy.logFile, site.auth.logFile];
  const texts = await Promise.all(logs.map((path) => Deno.readTextFile(path)));
  const all = texts.join() + JSON.stringify(await site.events());
  for (const secret of Object.values(secrets)) ok(!all.includes(secret), "a password was written");
});

/** Databases that show a certificate for another name, or by another CA. */
async function pretenders(site: Site): Promise<Record<string, unknown>[]> {
  const key = message("K", Uint8Array.of(0, 0, 0, 1, 1, 1, 1, 1));
  const greeting = concat([authenticated, key, ready]);
  const stranger = await LabAuthority.make("stranger");
  const otherName = await fakeServer(await site.authority.server("elsewhere.test"), greeting);
  const otherCa = await fakeServer(await stranger.server("localhost"), greeting);
  fakes.push(otherName, otherCa);
  const at = ({ port }: FakeServer) => ({ uri: `localhost:${port}` });
  return [
    { ...database(site, "other-name-full", null), ...at(otherName) },
    { ...database(site, "other-name-ca", null, { mode: "verify-ca" }), ...at(otherName) },
    { ...database(site, "other-ca-ca", null, { mode: "verify-ca" }), ...at(otherCa) },
    { ...database(site, "other-ca-insecure", null, { mode: "insecure" }), ...at(otherCa) },
  ];
}

function database(
  site: Site,
  name: string,
  secret: Record<string, string> | null,
  tls: Record<string, string> = {},
): Record<string, unknown> {
  const ca = tls["mode"] === "insecure" ? {} : { ca_cert_file: `${site.dir}/server-ca.pem` };
  return {
    name,
    protocol: "postgres",
    uri: `localhost:${site.postgres.port}`,
    labels: { env: "test" },
    tls: { ...ca, ...tls },
    ...(secret === null ? {} : { credentials: { type: "secret", ...secret } }),
  };
}

async function passwordFile({ dir }: Site, name: string, text: string): Promise<string> {
  const path = `${dir}/${name}.password`;
  await Deno.writeTextFile(path, `${text}\n`, { mode: 0o600 });
  return path;
}

async function login(name: string, user: string): Promise<RawClient> {
  const flags = [`--db-user=${user}`, "--db-name=postgres"];
  await alice.mustTsh(["db", "login", name, ...flags]);
  return await RawClient.login(JSON.parse(
    await alice.mustTsh(["db", "env", name, "--format=json"]),
  ));
}

async function refusal(name: string, user: string): Promise<string> {
  try {
    (await login(name, user)).close();
    return "";
  } catch (e) {
    return e instanceof Error ? e.message : String(e);
  }
}
