/**
 * Issues certificates as Auth does, in a process of its own: `certificates_main.ts DIR ROUNDS MS`.
 * Prints `{"signed": [...], "decided": [...]}`, certificates per CPU second of each round.
 */
import { authClient } from "../../lib/api/client.ts";
import type { AuthClient } from "../../lib/api/contract.ts";
import { inProcess } from "../../lib/api/in_process.ts";
import { createAuth, openAuthorities } from "../../lib/auth/mod.ts";
import { sqliteBackend } from "../../lib/backend/mod.ts";
import { buildRequest, generateKey } from "../../lib/ca/mod.ts";
import { loadConfig } from "../../lib/config/mod.ts";
import { passwords } from "../../lib/identity/local/password.ts";
import { ownDirectory } from "../../lib/service/api_listener.ts";
import { openAuthAudit } from "../../lib/service/auth_audit.ts";
import { startArgon2 } from "../../lib/sys/argon2_worker.ts";
import { openSqlite } from "../../lib/sys/sqlite.ts";
import { password } from "../lab/site.ts";
import { ownCpuMs } from "./process.ts";
import { runtimeOf } from "./member.ts";

const [dir = "", rounds = 1, ms = 1000] = [Deno.args[0], ...Deno.args.slice(1).map(Number)];
const cluster = "lab";
const runtime = runtimeOf("auth", dir, "error");
const { clock, random } = runtime;
await ownDirectory(dir);
const backend = sqliteBackend(openSqlite(`${dir}/state.sqlite`), clock);
const authorities = await openAuthorities({ backend, cluster, clock, random });
const loaded = loadConfig("version: v1\nauth_service: {}\n");
const config = loaded.ok ? loaded.config.auth_service : undefined;
if (config === undefined) throw new Error("no configuration");
const audit = await openAuthAudit({ runtime, config, backend, authorities, host: "auth" });
const argon2 = startArgon2();
const auth = await createAuth({
  ...{ backend, authorities, clock, random, cluster, log: runtime.log, host: "auth" },
  audit: audit.log,
  events: audit.events,
  passwords: passwords(argon2, random),
  version: runtime.version,
});
const requests = await Promise.all(
  Array.from({ length: 8 }, async () => await buildRequest(await generateKey())),
);
const request = (n: number): Uint8Array => requests[n % requests.length] ?? new Uint8Array();

const ask = await agentWithUser();
const results: Record<"signed" | "decided", number[]> = { signed: [], decided: [] };
for (let round = 0; round <= rounds; round++) {
  const signed = await perCpuSecond(sign);
  const decided = await perCpuSecond(ask);
  if (round === 0) continue;
  results.signed.push(signed);
  results.decided.push(decided);
}
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(results)));
Deno.exit(0);

async function perCpuSecond(issue: (n: number) => Promise<unknown>): Promise<number> {
  const from = ownCpuMs();
  const until = performance.now() + ms;
  let count = 0;
  while (performance.now() < until) await issue(count++);
  return count / ((ownCpuMs() - from) / 1000);
}

/** The request is checked and a certificate for a database user made. */
async function sign(n: number): Promise<void> {
  const order = { databaseUser: "alice", expires: clock.now() + 3_600_000 };
  await authorities.signDatabaseClient(request(n), order);
}

/** The whole call of an agent for a user who may: proven, decided, signed, in the audit log. */
async function agentWithUser(): Promise<(n: number) => Promise<unknown>> {
  const csr = request(0).toBase64();
  const as = (chain: readonly string[]): AuthClient =>
    authClient(inProcess(auth.serve, chain.map((der) => Uint8Array.fromBase64(der))), clock);
  const host = async (role: "proxy" | "db"): Promise<AuthClient> => {
    const services = role === "db" ? ["*"] : [];
    const { token } = await auth.admin.call("tokens.create", { system_roles: [role], services });
    const asked = { token, csr, hostname: role, system_roles: [role] };
    return as((await as([]).call("join", asked)).chain);
  };
  const proxy = await host("proxy");
  const agent = await host("db");
  const spec = { protocol: "postgres", uri: "db:5432", description: "" };
  const metadata = { name: "orders", labels: {} };
  await agent.call("agents.heartbeat", {
    ...{ hostname: "db", version: runtime.version },
    databases: [{ kind: "db", version: "v1", metadata, spec }],
  });
  const traits = { db_users: ["alice"], db_names: ["orders"] };
  const invited = await auth.admin.call("users.create", {
    ...{ name: "alice", roles: ["access"], traits },
  });
  const client_address = "192.0.2.1:1";
  const accepted = { token: invited.invite_token, password, client_address };
  await proxy.call("invites.accept", accepted);
  const login = await proxy.call("login.password", {
    ...{ user: "alice", password, csr, client_address },
  });
  const route = { service: "orders", db_user: "alice", db_name: "orders" };
  const { chain } = await as(login.chain).call("certificates.route", { csr, ...route });
  return (n) =>
    agent.call("certificates.database", {
      ...{ csr: request(n).toBase64(), user_chain: chain, ...route },
    });
}
