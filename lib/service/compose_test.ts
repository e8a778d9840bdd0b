import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { SteppingClock } from "../../tests/fakes/clock.ts";
import { RecordingLog } from "../../tests/fakes/log.ts";
import { parseCertificate } from "../ca/mod.ts";
import { loadConfig } from "../config/mod.ts";
import type { Clock } from "../core/clock.ts";
import { version } from "../core/version.ts";
import { systemClock } from "../sys/clock.ts";
import { systemRandom } from "../sys/random.ts";
import { type AuthService, startAuthService } from "./auth_service.ts";
import { compose } from "./compose.ts";
import { readHostFiles } from "./host_files.ts";
import { Diagnostics } from "./diagnostics.ts";
import { type Membership, openMembership } from "./membership.ts";
import { Ready } from "./ready.ts";
import type { Runtime } from "./runtime.ts";
import { supervise } from "./supervisor.ts";
import { verifyAuditFiles } from "./verify_audit.ts";

function runtimeIn(dataDir: string, clock: Clock = systemClock): Runtime {
  return {
    clock,
    random: systemRandom,
    log: new RecordingLog(),
    version,
    nodename: "box",
    dataDir,
    diagnostics: new Diagnostics(),
  };
}

async function withFolder(run: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await run(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function startAuth(dir: string, port = 0, clock?: Clock): Promise<AuthService> {
  const loaded = loadConfig(`version: v1\nauth_service: {listen_addr: "127.0.0.1:${port}"}\n`);
  ok(loaded.ok && loaded.config.auth_service !== undefined);
  return await startAuthService({
    runtime: runtimeIn(`${dir}/auth`, clock),
    config: loaded.config.auth_service,
    storage: loaded.config.remoteler.storage,
    passphrase: null,
  });
}

interface Join {
  readonly dir: string;
  readonly address: { readonly host: string; readonly port: number };
  readonly pin: string;
  readonly token: string | null;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

function member({ dir, address, pin, token, signal, clock }: Join): Promise<Membership> {
  return openMembership({
    runtime: runtimeIn(`${dir}/db`, clock),
    role: "db",
    address,
    caPins: [pin],
    principals: [],
    joinToken: () => Promise.resolve(token),
    signal: signal ?? new AbortController().signal,
  });
}

async function newToken(auth: AuthService): Promise<string> {
  const made = await auth.admin.call("tokens.create", { system_roles: ["db"], services: ["*"] });
  return made.token;
}

const day = 24 * 3_600_000;
const otherPin = `sha256:${"0".repeat(64)}`;

Deno.test("a host joins once by token and pin, and is known again without either", async () => {
  await withFolder(async (dir) => {
    const auth = await startAuth(dir);
    const { address, caPin: pin } = auth;
    try {
      await rejects(member({ dir, address, pin, token: null }), { code: "service.no-token" });
      const token = await newToken(auth);
      const first = await member({ dir, address, pin, token });
      ok(first.number >= 1 && first.number <= 32767);
      await first.close();
      const again = await member({ dir, address, pin, token: null });
      strictEqual(again.host, first.host);
      const beat = { hostname: "box", version, databases: [] };
      strictEqual((await again.client.call("agents.heartbeat", beat)).proxies.length, 0);
      await again.close();
      await Deno.remove(`${dir}/db`, { recursive: true });
      await rejects(member({ dir, address, pin, token }), { code: "auth.bad-token" });
    } finally {
      await auth.stop();
    }
  });
});

Deno.test("a wrong pin ends the joining before the token is sent", async () => {
  await withFolder(async (dir) => {
    const auth = await startAuth(dir);
    try {
      const token = await newToken(auth);
      const { address } = auth;
      const wrong = member({ dir, address, pin: otherPin, token });
      await rejects(wrong, { code: "ca.wrong-pin" });
      const { resources } = await auth.admin.call("resources.list", { kind: "token" });
      strictEqual(resources.length, 1);
    } finally {
      await auth.stop();
    }
  });
});

Deno.test("a host of the cluster that is not Auth gets no token", async () => {
  await withFolder(async (dir) => {
    const auth = await startAuth(dir);
    const { address, caPin: pin } = auth;
    const token = await newToken(auth);
    const joined = await member({ dir, address, pin, token });
    const { credentials } = joined;
    await joined.close();
    await auth.stop();
    const { openTlsDoor } = await import("./api_listener.ts");
    const { TlsContext } = await import("../sys/tls.ts");
    const { chain, key, hostCas } = credentials;
    let asked = 0;
    const impostor = await openTlsDoor({
      at: { host: "127.0.0.1", port: 0 },
      context: new TlsContext({ chain: [...chain, ...hostCas], key }),
      handler: () => {
        asked += 1;
        return Promise.resolve({ status: 200, headers: {}, body: new Uint8Array() });
      },
      log: new RecordingLog(),
    });
    await Deno.remove(`${dir}/db`, { recursive: true });
    await rejects(member({ dir, address: impostor.address, pin, token: "secret" }), {
      code: "ca.wrong-role",
    });
    strictEqual(asked, 0);
    await impostor.close();
  });
});

Deno.test("a proxy whose names changed gets a certificate for the new ones", async () => {
  await withFolder(async (dir) => {
    const auth = await startAuth(dir);
    const made = await auth.admin.call("tokens.create", { system_roles: ["proxy"] });
    const open = (name: string): Promise<Membership> =>
      openMembership({
        runtime: runtimeIn(`${dir}/proxy`),
        role: "proxy",
        address: auth.address,
        caPins: [auth.caPin],
        principals: [name],
        joinToken: () => Promise.resolve(made.token),
        signal: new AbortController().signal,
      });
    const before = await open("old.example.com");
    await before.close();
    const after = await open("new.example.com");
    const [leaf = new Uint8Array()] = after.credentials.chain;
    const names = parseCertificate(leaf).altNames.map(({ value }) => String(value));
    ok(names.includes("new.example.com") && !names.includes("old.example.com"), names.join());
    strictEqual(after.host, before.host);
    await after.close();
    await auth.stop();
  });
});

Deno.test("a host certificate is renewed when two thirds of its life are over", async () => {
  await withFolder(async (dir) => {
    const clock = new SteppingClock(Date.now());
    const auth = await startAuth(dir, 0, clock);
    const { address, caPin: pin } = auth;
    const joined = await member({ dir, address, pin, token: await newToken(auth), clock });
    const { expires } = joined.credentials;
    const renewed = new Promise<number>((resolve) => {
      joined.onRenewed((credentials) => resolve(credentials.expires));
    });
    clock.advance(4 * day);
    await new Promise((resolve) => setTimeout(resolve, 50));
    strictEqual(joined.credentials.expires, expires);
    clock.advance(day);
    ok(await renewed > expires);
    const beat = { hostname: "box", version, databases: [] };
    await joined.client.call("agents.heartbeat", beat);
    const stored = await readHostFiles(`${dir}/db`, "db");
    strictEqual(stored?.expires, joined.credentials.expires);
    await joined.close();
    await auth.stop();
  });
});

Deno.test("half-written host files are none", async () => {
  await withFolder(async (dir) => {
    strictEqual(await readHostFiles(dir, "db"), null);
    await Deno.mkdir(`${dir}/host/db`, { recursive: true });
    for (const name of ["key.pem", "cert.pem"]) {
      await Deno.writeTextFile(`${dir}/host/db/${name}`, "");
    }
    strictEqual(await readHostFiles(dir, "db"), null);
    await Deno.writeTextFile(`${dir}/host/db/identity.json`, '{"v":1,"cluster":"c"');
    strictEqual(await readHostFiles(dir, "db"), null);
  });
});

Deno.test("the audit log of a stopped Auth is proven by its own CA and no other", async () => {
  await withFolder(async (dir) => {
    const auth = await startAuth(dir);
    await auth.admin.call("users.create", { name: "alice", roles: ["access"] });
    await auth.stop();
    const log = `${dir}/auth/audit`;
    const authorities = await Deno.readTextFile(`${dir}/auth/audit-ca.pem`);
    const { signal } = new AbortController();
    const order = { dir: log, heads: [], authorities, signal };
    const good = await verifyAuditFiles(order);
    ok(good.ok && good.heads === 1 && good.coveredSeq === good.lastSeq, JSON.stringify(good));
    const other = await startAuth(`${dir}/other`);
    await other.stop();
    const foreign = await Deno.readTextFile(`${dir}/other/auth/audit-ca.pem`);
    const refused = await verifyAuditFiles({ ...order, authorities: foreign });
    deepStrictEqual(refused.problems.map(({ kind }) => kind), ["checkpoint"]);
    const [day] = [...Deno.readDirSync(log)].filter(({ name }) => name.startsWith("20"));
    const file = `${log}/${day?.name}`;
    const text = await Deno.readTextFile(file);
    await Deno.writeTextFile(file, text.replace("alice", "mallo"));
    const changed = await verifyAuditFiles(order);
    deepStrictEqual(changed.problems[0]?.kind, "changed");
    await rejects(verifyAuditFiles({ ...order, dir: `${dir}/none` }), {
      code: "service.no-audit-files",
    });
    await rejects(Deno.stat(`${dir}/none`));
  });
});

Deno.test("a service waits for an Auth that comes later", async () => {
  await withFolder(async (dir) => {
    const first = await startAuth(dir);
    const { address, caPin: pin } = first;
    const token = await newToken(first);
    await first.stop();
    const joining = member({ dir, address, pin, token });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const second = await startAuth(dir, address.port);
    const joined = await joining;
    strictEqual(second.caPin, pin);
    await joined.close();
    await second.stop();
  });
});

Deno.test("waiting for Auth ends with the process", async () => {
  await withFolder(async (dir) => {
    const stop = new AbortController();
    const address = { host: "127.0.0.1", port: 1 };
    const joining = member({ dir, address, pin: otherPin, token: "x", signal: stop.signal });
    setTimeout(() => stop.abort(new Error("stopping")), 50);
    await rejects(joining);
  });
});

Deno.test("one process runs all three, tells its addresses, and stops at a signal", async () => {
  await withFolder(async (dir) => {
    const loaded = loadConfig([
      "version: v1",
      "auth_service: {listen_addr: '127.0.0.1:0'}",
      "proxy_service: {web_listen_addr: '127.0.0.1:0'}",
      "db_service: {databases: [{name: orders, protocol: postgres, uri: 'localhost:1'}]}",
    ].join("\n"));
    ok(loaded.ok);
    const runtime = runtimeIn(`${dir}/all`);
    const ready = new Ready(new RecordingLog());
    const secrets = { joinToken: null, caPassphrase: null };
    let signal: (name: string) => void = () => {};
    const done = supervise({
      parts: compose({ config: loaded.config, secrets, runtime, ready }),
      log: new RecordingLog(),
      clock: systemClock,
      ready: async () => {
        await ready.write(`${dir}/ready.json`);
        signal("SIGTERM");
      },
      onSignal: (run) => {
        signal = run;
        return () => {};
      },
      exitNow: () => {},
    });
    strictEqual(await done, 0);
    // A dial that was under way is given a moment to say goodbye.
    await new Promise((resolve) => setTimeout(resolve, 250));
    const told: Record<string, string> = JSON.parse(await Deno.readTextFile(`${dir}/ready.json`));
    deepStrictEqual(Object.keys(told), ["auth_address", "ca_pin", "proxy_address"]);
    match(told["proxy_address"] ?? "", /^127\.0\.0\.1:[1-9]\d+$/);
    match(told["ca_pin"] ?? "", /^sha256:[0-9a-f]{64}$/);
    strictEqual(((await Deno.stat(`${dir}/all`)).mode ?? 0) & 0o777, 0o700);
  });
});

Deno.test("a second Auth Service on one folder is refused and leaves the first alone", async () => {
  await withFolder(async (dir) => {
    const first = await startAuth(dir);
    await rejects(startAuth(dir), { code: "backend.locked" });
    ok((await Deno.stat(`${dir}/auth/auth.sock`)).isSocket);
    await first.stop();
    await rejects(Deno.stat(`${dir}/auth/auth.sock`));
  });
});
