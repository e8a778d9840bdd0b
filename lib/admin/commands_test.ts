import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { VerifyReport } from "../audit/verify.ts";
import { loadConfig } from "../config/mod.ts";
import { holds, run } from "./site_fake.ts";

const noProxy = { "resources.list": { resources: [] } };
const invited = { invite_token: "tok", expires: "2026-01-02T04:04:05.000Z" };
const alice = {
  kind: "user",
  version: "v1",
  metadata: { name: "alice", labels: {}, revision: "7" },
  spec: { roles: ["access"], traits: { db_users: ["a"] }, disabled: false, generation: 1 },
};

Deno.test("users add makes the user and prints the link of the configured proxy", async () => {
  const { code, calls, terminal } = await run(
    ["users", "add", "alice", "--roles=access,auditor", "--db-users=alice,bob"],
    { answers: { ...noProxy, "users.create": { user: alice, ...invited } } },
  );
  strictEqual(code, 0);
  deepStrictEqual(calls[0], {
    name: "users.create",
    input: {
      name: "alice",
      roles: ["access", "auditor"],
      traits: { db_users: ["alice", "bob"] },
    },
  });
  match(terminal.stdout(), /https:\/\/db\.example\.com:443\/web\/invite\/tok\n/);
});

Deno.test("a proxy that Auth knows goes before the configured one; json is stable", async () => {
  const proxy = { kind: "proxy", metadata: { name: "p" }, spec: { public_addr: "p.example:1" } };
  const { terminal } = await run(["users", "reset", "alice", "--format=json"], {
    answers: { "resources.list": { resources: [proxy] }, "users.reset": invited },
  });
  deepStrictEqual(JSON.parse(terminal.stdout()), {
    user: "alice",
    invite_token: "tok",
    invite_url: "https://p.example:1/web/invite/tok",
    expires: invited.expires,
  });
});

Deno.test("a user without a role is refused before anything is asked", async () => {
  const { code, calls, terminal } = await run(["users", "add", "alice"]);
  deepStrictEqual([code, calls], [2, []]);
  match(terminal.stderr(), /^remoteler: error: a user needs at least one role\nremoteler: hint: /);
});

Deno.test("users update keeps what was not named and gives the revision back", async () => {
  const { code, calls } = await run(["users", "update", "alice", "--state=disabled"], {
    answers: { "resources.get": { resource: alice }, "resources.put": { resource: alice } },
  });
  strictEqual(code, 0);
  const resource = { ...alice, spec: { ...alice.spec, disabled: true } };
  deepStrictEqual(calls[1], { name: "resources.put", input: { resource, replace: true } });
});

Deno.test("tokens add shows the token once and the pin beside it", async () => {
  const made = { token: "secret", name: "t", expires: invited.expires, ca_pin: "sha256:aa" };
  const argv = ["tokens", "add", "--type=db", "--services=orders-*", "--ttl=90s", "--uses=0"];
  const { calls, terminal } = await run(argv, { answers: { "tokens.create": made } });
  deepStrictEqual(calls[0]?.input, {
    system_roles: ["db"],
    services: ["orders-*"],
    ttl_s: 90,
    uses: null,
  });
  match(terminal.stdout(), /^token {4}secret\nca pin {3}sha256:aa\n/);
});

Deno.test("a token has a type that is known", async () => {
  strictEqual((await run(["tokens", "add"])).code, 2);
  strictEqual((await run(["tokens", "add", "--type=auth"])).code, 2);
});

Deno.test("get lists a kind, and shows one resource whole", async () => {
  const listed = await run(["get", "users", "--format=json"], {
    answers: { "resources.list": { resources: [alice] } },
  });
  deepStrictEqual(JSON.parse(listed.terminal.stdout()), [alice]);
  deepStrictEqual(listed.calls[0]?.input, { kind: "user" });
  const one = await run(["get", "user/alice"], {
    answers: { "resources.get": { resource: alice } },
  });
  match(one.terminal.stdout(), /^kind: user\n[^]*roles:\n {4}- access\n/);
  const unknown = await run(["get", "usr"]);
  strictEqual(unknown.code, 2);
  match(unknown.terminal.stderr(), /hint: kinds are role, user, token/);
});

Deno.test("certificate authorities can be had as PEM, other kinds can't", async () => {
  const authority = {
    kind: "cert_authority",
    metadata: { name: "host" },
    spec: { type: "host", trusted: ["AQID"] },
  };
  const answers = { "resources.get": { resource: authority } };
  const { terminal } = await run(["get", "ca/host", "--format=pem"], { answers });
  strictEqual(
    terminal.stdout(),
    "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n",
  );
  const other = await run(["get", "user/alice", "--format=pem"], {
    answers: { "resources.get": { resource: alice } },
  });
  strictEqual(other.code, 2);
});

Deno.test("create puts every document, or none when one is wrong", async () => {
  const role = "kind: role\nversion: v1\nmetadata: {name: r}\nspec: {allow: {db_users: [x]}}\n";
  const good = await run(["create", "--force"], {
    stdin: `${role}---\n${role.replace("name: r", "name: q")}`,
    answers: { "resources.put": {} },
  });
  strictEqual(good.code, 0);
  deepStrictEqual(good.calls.map(({ name }) => name), ["resources.put", "resources.put"]);
  const bad = await run(["create", "-f", "/role.yaml"], {
    files: { "/role.yaml": `${role}---\nkind: role\nversion: v1\nmetadata: {name: r}\n` },
    answers: { "resources.put": {} },
  });
  deepStrictEqual([bad.code, bad.calls], [2, []]);
  match(bad.terminal.stderr(), /document 2: spec is missing/);
});

Deno.test("a lock names its target, its end and how to undo it", async () => {
  const { calls, terminal, code } = await run(
    ["lock", "--user=alice", "--ttl=1h", "--message=stolen"],
    { answers: { "resources.put": (input: { resource: unknown }) => input } },
  );
  strictEqual(code, 0);
  deepStrictEqual(calls[0]?.input, {
    resource: {
      kind: "lock",
      version: "v1",
      metadata: { name: "lock-11111111-2222", expires: "2026-01-02T04:04:05.000Z" },
      spec: { target: { user: "alice" }, message: "stolen" },
    },
  });
  match(terminal.stdout(), /remoteler rm lock\/lock-11111111-2222\n$/);
  strictEqual((await run(["lock", "--ttl=1h"])).code, 2);
});

Deno.test("audit search pages until it has enough, and text is one line an event", async () => {
  const line = JSON.stringify({
    time: "t",
    code: "TDB02I",
    event: "db.session.query",
    user: "alice",
    db_service: "orders",
    db_user: "a",
    db_name: "d",
    db_query: "select\n 1\u001b[2J",
    success: false,
  });
  const answer = ({ cursor }: { cursor?: string }): unknown =>
    cursor === undefined ? { events: [line], cursor: "2" } : { events: [line], cursor: null };
  const found = await run(["audit", "search", "--limit=0", "--user=alice", "--from=1h"], {
    answers: { "audit.search": answer },
  });
  deepStrictEqual(found.calls.map(({ input }) => input), [
    { from: "2026-01-02T02:04:05.000Z", user: "alice", order: "oldest", limit: 1000 },
    { from: "2026-01-02T02:04:05.000Z", user: "alice", order: "oldest", limit: 1000, cursor: "2" },
  ]);
  const [first, second, end] = found.terminal.stdout().split("\n");
  strictEqual(first, second);
  strictEqual(end, "");
  match(first ?? "", /TDB02I .*alice +orders\(a@d\) {2}FAILED {2}select 1\ufffd\[2J$/);
  const whole = await run(["audit", "search", "--format=json", "--limit=1"], {
    answers: { "audit.search": answer },
  });
  deepStrictEqual(JSON.parse(whole.terminal.stdout()), [JSON.parse(line)]);
});

Deno.test("audit tail prints events as they come", async () => {
  const { terminal, code } = await run(["audit", "tail", "--format=json"], {
    answers: { "audit.tail": [{ event: "user.login" }, { event: "user.logout" }] },
  });
  strictEqual(code, 0);
  strictEqual(terminal.stdout(), '{"event":"user.login"}\n{"event":"user.logout"}\n');
});

Deno.test("audit verify works on files alone and fails where the log does not hold", async () => {
  const files = { "/heads": "{}\n\n{}\n", "/data/audit-ca.pem": "PEM" };
  const good = await run(["audit", "verify", "--head=/heads"], { files });
  strictEqual(good.code, 0);
  deepStrictEqual(good.verified, [{ dir: "/data/audit", heads: ["{}", "{}"], authorities: "PEM" }]);
  match(good.terminal.stdout(), /^the log holds: 3 events, 1 file/);
  const problem = { kind: "changed", file: "2026-01-02.ndjson", line: 2, message: "changed" };
  const report: VerifyReport = { ...holds, ok: false, problems: [{ ...problem, kind: "changed" }] };
  const broken = await run(["audit", "verify"], { files, report });
  strictEqual(broken.code, 1);
  match(broken.terminal.stdout(), /2026-01-02\.ndjson:2: changed/);
  match(broken.terminal.stderr(), /error: the audit log does not hold/);
});

Deno.test("start reads the configuration and its secrets", async () => {
  const { served, code } = await run(["start", "-c", "/c.yaml", "--ready-file=/r"], {
    files: {
      "/c.yaml": "version: v1\nauth_service: {ca_passphrase_file: /p}\n",
      "/p": "open sesame\n",
    },
  });
  strictEqual(code, 0);
  strictEqual(served[0]?.secrets.caPassphrase, "open sesame");
  strictEqual(served[0]?.readyFile, "/r");
});

Deno.test("start tells every mistake with its line and starts nothing", async () => {
  const { served, code, terminal } = await run(["start"], {
    env: { REMOTELER_CONFIG: "/c.yaml" },
    files: { "/c.yaml": "version: v2\nauth_service: {listen_adr: 'a:1'}\n" },
  });
  deepStrictEqual([code, served], [2, []]);
  match(terminal.stderr(), /error: \/c\.yaml:1: version: should be "v1"\n/);
  match(
    terminal.stderr(),
    /error: \/c\.yaml:2: auth_service\.listen_adr: .*did you mean listen_addr/,
  );
});

Deno.test("without a configuration, or without Auth, the next step is told", async () => {
  const none = await run(["status", "-c", "/none.yaml"]);
  strictEqual(none.code, 1);
  match(none.terminal.stderr(), /hint: write one: remoteler configure/);
  const away = await run(["status", "--data-dir=/elsewhere"]);
  strictEqual(away.code, 7);
  match(away.terminal.stderr(), /no Auth Service listens at \/elsewhere\/auth\.sock\n.*hint: /);
});

Deno.test("configure writes what start takes", async () => {
  const { files, terminal, code } = await run([
    ...["configure", "--output=/new.yaml", "--public-addr=db.example.com:443"],
    ...["--cluster-name=prod", "--data-dir=/srv/remoteler"],
  ]);
  strictEqual(code, 0);
  match(terminal.stderr(), /remoteler start -c \/new\.yaml\n$/);
  const loaded = loadConfig(files.get("/new.yaml") ?? "");
  ok(loaded.ok, JSON.stringify(loaded));
  strictEqual(loaded.config.auth_service?.cluster_name, "prod");
  for (const services of ["auth", "proxy", "db", "auth,db"]) {
    const printed = await run(["configure", `--services=${services}`]);
    const read = loadConfig(printed.terminal.stdout());
    ok(read.ok, JSON.stringify([services, read]));
  }
  strictEqual((await run(["configure", "--services=web"])).code, 2);
});

Deno.test("auth sign makes the key here and writes what PostgreSQL needs", async () => {
  const der = Uint8Array.of(48, 0).toBase64();
  const answer = { chain: [der], client_cas: [der], expires: invited.expires };
  const { code, calls, files, terminal } = await run(
    ["auth", "sign", "--host=db1,192.0.2.9", "--out=/out/", "--ttl=24h"],
    { answers: { "certificates.database_server": answer } },
  );
  strictEqual(code, 0, terminal.stderr());
  ok(!JSON.stringify(calls).includes("PRIVATE"));
  match(files.get("/out/server.key") ?? "", /^-----BEGIN PRIVATE KEY-----/);
  match(files.get("/out/server.crt") ?? "", /^-----BEGIN CERTIFICATE-----/);
  match(files.get("/out/client-ca.crt") ?? "", /^-----BEGIN CERTIFICATE-----/);
  match(terminal.stdout(), /ssl_ca_file = '\/out\/client-ca.crt'\n/);
  match(terminal.stdout(), /\nhostssl all all all cert\n/);
  strictEqual((await run(["auth", "sign", "--host=db1"])).code, 2);
});

const editing = { VISUAL: "ed", TMPDIR: "/t" };

Deno.test("edit gives the revision back that was read, and takes the draft away", async () => {
  const { code, calls, files, terminal } = await run(["edit", "user/alice"], {
    env: editing,
    editor: (text) => text.replace("- access", "- auditor").replace(/\n +revision: .*/, ""),
    answers: { "resources.get": { resource: alice }, "resources.put": { resource: alice } },
  });
  strictEqual(code, 0, terminal.stderr());
  const resource = { ...alice, spec: { ...alice.spec, roles: ["auditor"] } };
  deepStrictEqual(calls[1]?.input, { resource, replace: true });
  ok(![...files.keys()].some((name) => name.startsWith("/t/")));
});

const drafts: readonly [what: string, draft: (text: string) => string, words: RegExp][] = [
  ["no YAML", () => "kind: [", /no YAML/],
  ["a field that there isn't", (text) => text.replace("roles:", "rolls:"), /rolls/],
  ["another name", (text) => text.replace("name: alice", "name: bob"), /can't be edited/],
];
for (const [what, editor, words] of drafts) {
  Deno.test(`edit says what is wrong with ${what} and keeps the draft`, async () => {
    const answers = { "resources.get": { resource: alice } };
    const done = await run(["edit", "user/alice"], { env: editing, editor, answers });
    strictEqual(done.code, 2);
    match(done.terminal.stderr(), words);
    match(done.terminal.stderr(), /your draft is \/t\/remoteler-user-/);
    ok([...done.files.keys()].some((name) => name.startsWith("/t/")));
  });
}

Deno.test("edit changes nothing where the editor fails or the text is the same", async () => {
  const answers = { "resources.get": { resource: alice } };
  const failed = await run(["edit", "user/alice"], { env: editing, editor: () => null, answers });
  deepStrictEqual([failed.code, failed.calls.length], [2, 1]);
  const same = await run(["edit", "user/alice"], { env: editing, editor: (text) => text, answers });
  deepStrictEqual([same.code, same.calls.length], [0, 1]);
});

Deno.test("audit export reads page by page, and no cell becomes a formula", async () => {
  const event = { time: "t", event: "e", db_query: '=cmd("x"),\n1', rows: -2, user: " @sum" };
  let pages = 0;
  const answers = {
    "audit.search": () => ({ events: [JSON.stringify(event)], cursor: ++pages < 2 ? "c" : null }),
  };
  const csv = (await run(["audit", "export", "--format=csv"], { answers })).terminal.stdout();
  strictEqual(csv.match(/"'=cmd\(""x""\),\n1",-2,/g)?.length, 2);
  match(csv, /,' @sum,/);
  pages = 1;
  const { terminal } = await run(["audit", "export"], { answers });
  strictEqual(terminal.stdout(), `${JSON.stringify(event)}\n`);
});

Deno.test("install systemd writes the unit once, and --dry-run only prints it", async () => {
  const printed = await run(["install", "systemd", "--dry-run"]);
  match(printed.terminal.stdout(), /^ExecStart=\/usr\/local\/bin\/remoteler start /m);
  strictEqual(printed.files.has("/etc/systemd/system/remoteler.service"), false);
  const written = await run(["install", "systemd", "-c", "/etc/100%.yaml"]);
  const unit = written.files.get("/etc/systemd/system/remoteler.service") ?? "";
  match(unit, /^LoadCredential=remoteler.yaml:\/etc\/100%%.yaml$/m);
  match(written.terminal.stdout(), /systemctl enable --now remoteler/);
  strictEqual((await run(["install", "systemd", "-c", "relative.yaml"])).code, 2);
  const own = await run(["install", "systemd", "--dry-run"], { executable: "/opt/remoteler" });
  match(own.terminal.stdout(), /^ExecStart=\/opt\/remoteler start /m);
});
