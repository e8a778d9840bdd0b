/** A PostgreSQL that was set up with nothing but what `remoteler auth sign` wrote. */
import { match, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { type PostgresServer, startPostgres } from "../../scripts/lab/postgres.ts";
import { startService } from "../../scripts/lab/services.ts";
import { type Site } from "../../scripts/lab/site.ts";
import { waitFor } from "../../scripts/lab/tools.ts";
import { anyPostgres, have, plainSql, siteSuite } from "../site.ts";

let server: PostgresServer | null = null;
let agent: { stop(): Promise<number> } | null = null;

const test = siteSuite({}, async () => {}, async () => {
  await agent?.stop();
  await server?.stop("immediate");
});

async function sign(site: Site, name: string, host: string): Promise<string> {
  const out = join(site.dir, name);
  const said = await site.remoteler([
    ...["auth", "sign", "--format=postgres", `--host=${host}`, `--out=${out}`, "--ttl=24h"],
  ]);
  match(said, /^ssl = on$/m);
  match(said, /^hostssl all all all cert$/m);
  return out;
}

/** An agent whose configuration names no CA for the database. */
async function serve(site: Site, port: number): Promise<void> {
  const dir = join(site.dir, "agent-signed");
  await Deno.mkdir(dir);
  const token = join(dir, "token");
  await Deno.writeTextFile(token, await site.token("db"), { mode: 0o600 });
  agent = await startService({
    name: "agent-signed",
    dir,
    config: {
      remoteler: {
        join: { method: "token", token_file: token },
        ca_pin: site.caPin,
        proxy_server: site.proxyAddress,
      },
      db_service: {
        enabled: true,
        databases: [
          { name: "signed", protocol: "postgres", uri: `localhost:${port}`, labels: {} },
          { name: "other-name", protocol: "postgres", uri: `127.0.0.1:${port}`, labels: {} },
        ],
      },
    },
  });
}

test("what auth sign wrote is all that PostgreSQL and the agent need", async (site) => {
  const out = await sign(site, "signed", "localhost");
  const read = (name: string) => Deno.readTextFile(join(out, name));
  strictEqual((Deno.statSync(join(out, "server.key")).mode ?? 0) & 0o077, 0);
  server = await startPostgres({
    binaries: await anyPostgres(),
    dir: join(site.dir, "postgres-signed"),
    tls: {
      cert: await read("server.crt"),
      key: await read("server.key"),
      clientCa: await read("client-ca.crt"),
    },
    sql: plainSql,
    hba: ["hostssl all all all cert"],
  });
  await serve(site, server.port);
  const alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await waitFor("the databases are there", 15_000, async () => {
    const listed: { name: string }[] = JSON.parse(
      await alice.mustTsh(["db", "ls", "--format=json"]),
    );
    return listed.some(({ name }) => name === "signed");
  });
  if (!(await have("psql", "psql to a signed database"))) return;
  for (const name of ["signed", "other-name"]) await alice.mustTsh(["db", "login", name]);
  const done = await alice.run("psql", ["service=signed", "-XAtc", "select current_user"]);
  strictEqual(done.stdout.trim(), "alice", done.stderr);
  const refused = await alice.run("psql", ["service=other-name", "-XAtc", "select 1"]);
  ok(refused.code !== 0);
  match(refused.stderr, /another name/);
});

test("files that are there are not replaced, and the certificate is an event", async (site) => {
  const out = join(site.dir, "twice");
  await sign(site, "twice", "db1.internal");
  const key = await Deno.readTextFile(join(out, "server.key"));
  let refused = "";
  await sign(site, "twice", "db1.internal").catch((thrown) => refused = String(thrown));
  match(refused, /already/);
  strictEqual(await Deno.readTextFile(join(out, "server.key")), key);
  const events = await site.events(["--events=cert.create"]);
  ok(events.some(({ cert_type, names }) => cert_type === "db" && String(names) === "db1.internal"));
});

test("auth export prints each authority as PEM", async (site) => {
  for (const type of ["host", "user", "db", "db_client", "audit"]) {
    match(await site.remoteler(["auth", "export", `--type=${type}`]), /^-----BEGIN CERTIFICATE/);
  }
});
