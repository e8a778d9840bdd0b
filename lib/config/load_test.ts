import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { readAddress, writeAddress } from "./fields.ts";
import { configFault, loadConfig } from "./load.ts";
import { loadSecrets } from "./secrets.ts";
import { configJsonSchema } from "./shape.ts";

const minimal = "version: v1\nauth_service: {}\n";

const whole = `version: v1
remoteler:
  nodename: agent-1
  data_dir: /srv/remoteler
  proxy_server: db.example.com:3080
  join:
    method: token
    token_file: /run/secrets/token
  ca_pin: sha256:${"ab".repeat(32)}
  log: {level: debug, format: text}
db_service:
  drain_timeout: 1m30s
  databases:
    - name: orders
      protocol: postgres
      uri: "[fd00::5]:5432"
      labels: {env: prod}
      tls: {ca_cert_file: /etc/orders.pem}
  audit:
    spool_limit_bytes: 2097152
`;

const tenMistakes = `version: v2
remoteler:
  data_dir: ""
  auth_server: auth.example.com
  ca_pin: sha256:zz
  log:
    level: loud
proxy_servce:
  enabled: true
db_service:
  drain_timeout: 30
  databases:
    - name: orders
      protocol: oracle
      uri: orders:99999
    - name: orders
      uri: orders:5432
      protocol: postgres
      tls: {mode: verify_full}
`;

Deno.test("the smallest file gets every default", () => {
  const loaded = loadConfig(minimal);
  ok(loaded.ok);
  deepStrictEqual(loaded.config, {
    version: "v1",
    remoteler: {
      data_dir: "/var/lib/remoteler",
      log: { level: "info", format: "json" },
      storage: { type: "sqlite" },
    },
    auth_service: {
      enabled: true,
      listen_addr: { host: "127.0.0.1", port: 3025 },
      cluster_name: "remoteler",
      audit: { checkpoint_events: 10_000, checkpoint_period: 300_000 },
    },
  });
});

Deno.test("a whole file is read with durations in milliseconds and addresses apart", () => {
  const loaded = loadConfig(whole);
  ok(loaded.ok);
  const { remoteler, db_service } = loaded.config;
  deepStrictEqual(remoteler.proxy_server, { host: "db.example.com", port: 3080 });
  deepStrictEqual(remoteler.ca_pin, [`sha256:${"ab".repeat(32)}`]);
  deepStrictEqual(db_service, {
    enabled: true,
    drain_timeout: 90_000,
    databases: [{
      name: "orders",
      protocol: "postgres",
      uri: { host: "fd00::5", port: 5432 },
      description: "",
      labels: { env: "prod" },
      tls: { mode: "verify-full", ca_cert_file: "/etc/orders.pem" },
      credentials: { type: "x509" },
    }],
    audit: { spool_limit_bytes: 2_097_152 },
  });
});

Deno.test("ten mistakes and more are told at once, with line, field and what is right", () => {
  const loaded = loadConfig(tenMistakes);
  ok(!loaded.ok);
  deepStrictEqual(loaded.issues.map(({ line, field, expected }) => [line, field, expected]), [
    [1, "version", 'should be "v1"'],
    [3, "remoteler.data_dir", "should be a path"],
    [4, "remoteler.auth_server", 'should be "host:port"'],
    [5, "remoteler.ca_pin", 'should be "sha256:" and 64 hex digits'],
    [7, "remoteler.log.level", 'should be "debug" or "info" or "warn" or "error"'],
    [8, "proxy_servce", "unknown field, did you mean proxy_service?"],
    [11, "db_service.drain_timeout", "should be text, is a number"],
    [14, "db_service.databases.0.protocol", 'should be "postgres" or "mysql" or "redis"'],
    [15, "db_service.databases.0.uri", "should be a port from 0 to 65535"],
    [16, "db_service.databases.1.name", "should be a name that no other database has"],
    [19, "db_service.databases.1.tls.mode", 'should be "verify-full" or "verify-ca" or "insecure"'],
  ]);
});

const withDatabase = (more: string): string =>
  "version: v1\nauth_service: {}\ndb_service: {databases: " +
  `[{name: a, protocol: postgres, uri: 'b:1', ${more}}]}\n`;

const oneMistake: readonly (readonly [string, string, string])[] = [
  [
    "no service",
    "version: v1\n",
    "should run at least one of auth_service, proxy_service, db_service",
  ],
  [
    "a service that is off",
    "version: v1\nauth_service: {enabled: false}\n",
    "should run at least one",
  ],
  ["a missing version", "auth_service: {}\n", "is missing"],
  ["an empty file", "", "is missing"],
  ["a list", "- a\n", "should be a mapping"],
  ["a key twice", "version: v1\nversion: v1\nauth_service: {}\n", "a field stands here twice"],
  ["broken YAML", "version: v1\nauth_service: {\n", "is no YAML"],
  ["no way to Auth", "version: v1\ndb_service: {}\n", "needs auth_server or proxy_server"],
  ["no pin", "version: v1\nremoteler: {auth_server: 'a:1'}\ndb_service: {}\n", "needs ca_pin"],
  [
    "two tokens",
    "version: v1\nremoteler: {join: {token: a, token_file: b}}\nauth_service: {}\n",
    "should not be there beside token",
  ],
  [
    "a mapping for a list",
    "version: v1\nauth_service: {}\ndb_service: {databases: {}}\n",
    "should be a list, is a mapping",
  ],
  [
    "a password without its type",
    withDatabase("credentials: {password_env: A}"),
    "is read with type secret only",
  ],
  [
    "a password from two places",
    withDatabase("credentials: {type: secret, password_env: A, password_file: b}"),
    "should have either password_file or password_env",
  ],
  [
    "a password from nowhere",
    withDatabase("credentials: {type: secret, user: a}"),
    "should have either password_file or password_env",
  ],
  [
    "a proxy through a proxy",
    `version: v1\nremoteler: {proxy_server: 'a:1', ca_pin: 'sha256:${"0".repeat(64)}'}\n` +
    "proxy_service: {}\n",
    "a proxy joins by auth_server, not through a proxy",
  ],
];
for (const [name, text, expected] of oneMistake) {
  Deno.test(`refuses ${name}`, () => {
    const loaded = loadConfig(text);
    ok(!loaded.ok);
    ok(
      loaded.issues.some((issue) => issue.expected.includes(expected)),
      JSON.stringify(loaded.issues),
    );
  });
}

Deno.test("no issue holds a value of the file", () => {
  const loaded = loadConfig(
    "version: hunter2\nremoteler: {join: {token: 5, token_file: hunter2}, ca_pin: hunter2}\n",
  );
  ok(!loaded.ok);
  const fault = configFault("/etc/remoteler.yaml", loaded.issues);
  ok(!JSON.stringify([loaded.issues, fault.message, fault.fields]).includes("hunter2"));
  strictEqual(fault.message.split("\n")[0], '/etc/remoteler.yaml:1: version: should be "v1"');
});

Deno.test("a million nested aliases are refused, not expanded", () => {
  let text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (let i = 1; i < 9; i++) text += `a${i}: &a${i} [${`*a${i - 1}, `.repeat(10)}]\n`;
  const loaded = loadConfig(text);
  ok(!loaded.ok);
});

Deno.test("secrets come from the first line of their file, else from the environment", async () => {
  const loaded = loadConfig(
    "version: v1\nremoteler: {join: {token_file: /t}}\n" +
      "auth_service: {ca_passphrase_file: /none}\n",
  );
  ok(loaded.ok);
  const env = (name: string): string | undefined =>
    name === "REMOTELER_CA_PASSPHRASE" ? "from-env" : undefined;
  const readText = (path: string): Promise<string> =>
    path === "/t" ? Promise.resolve("tok\nmore") : Promise.reject(new Error("no such file"));
  const read = await loadSecrets(loaded.config, loaded.lineOf, { readText, env });
  deepStrictEqual(read, {
    ok: false,
    issues: [{
      line: 3,
      field: "auth_service.ca_passphrase_file",
      expected: "should name a file that can be read",
    }],
  });
  const found = await loadSecrets(loaded.config, loaded.lineOf, {
    readText: () => Promise.resolve("tok \n"),
    env,
  });
  deepStrictEqual(found, { ok: true, secrets: { joinToken: "tok", caPassphrase: "tok" } });
});

Deno.test("addresses survive reading and writing", () => {
  for (const text of ["a.example:1", "[fd00::1]:65535", "127.0.0.1:0"]) {
    const read = readAddress(text);
    ok(read !== null);
    strictEqual(writeAddress(read), text);
  }
  for (const text of ["a", ":1", "a:65536", "a:b", "fd00::1:5", "a b:1", "a:1 "]) {
    strictEqual(readAddress(text), null);
  }
});

Deno.test("every field of the JSON Schema says what it is for", () => {
  const silent: string[] = [];
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== "object" || node === null) return;
    const map = new Map<string, unknown>(Object.entries(node));
    walk(map.get("items"), path);
    for (const [name, field] of Object.entries(map.get("properties") ?? {})) {
      const text = new Map<string, unknown>(Object.entries(field ?? {})).get("description");
      if (typeof text !== "string") silent.push(`${path}.${name}`);
      walk(field, `${path}.${name}`);
    }
  };
  walk(configJsonSchema(), "");
  deepStrictEqual(silent, []);
});
