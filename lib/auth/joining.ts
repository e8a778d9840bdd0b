/** Join tokens, and the host certificates that services get for them. */
import type { CallOutput, CallRequest } from "../api/contract.ts";
import type { Token } from "../api/resources.ts";
import type { Context } from "../api/server.ts";
import { parseRequest } from "../ca/mod.ts";
import type { Revision } from "../core/backend.ts";
import { type EpochMs, rfc3339 } from "../core/clock.ts";
import { asFault, Fault } from "../core/fault.ts";
import type { HostIdentity } from "../core/identity.ts";
import { sameBytes } from "../identity/local/password.ts";
import { newSecret, secretHash } from "../identity/local/secret.ts";
import { matcher } from "../access/mod.ts";
import type { Signed } from "./authorities.ts";
import { hostKey, hostPuts, keptHostOf, largestNumber, numberKey } from "./hosts.ts";
import { decodeBase64, issuedOf, serialOf } from "./issuing.ts";
import { contended, type Core, denied, invalid, whoOf } from "./powers.ts";
import { resourceKey } from "./store.ts";

/** Hosts renew at half of it. */
const hostLifeMs = 7 * 24 * 3_600_000;
const maxRounds = 32;
const longestTokenS = 30 * 24 * 3600;

/** Where the hash of a token's secret is kept; the token itself is a resource without it. */
export function tokenSecretKey(name: string): readonly string[] {
  return ["token_secret", name];
}

type JoinInput = CallRequest<"join">;

/** The call `join`. Every attempt is audited. */
export async function join(
  core: Core,
  input: JoinInput,
  context: Context,
): Promise<CallOutput<"join">> {
  const about = {
    "addr.remote": context.remoteAddress.slice(0, 128),
    hostname: input.hostname,
    system_roles: input.system_roles,
    method: "token",
  } as const;
  const name = /^([0-9a-f]{1,64})\./.exec(input.token)?.[1];
  const named = name === undefined ? {} : { token_name: name };
  try {
    const joined = await joinWith(core, input);
    await core.audit.report("instance.join", {
      ...about,
      ...named,
      success: true,
      host: joined.host,
    });
    return joined;
  } catch (thrown) {
    const fault = asFault(thrown);
    await core.audit.report("instance.join", {
      ...about,
      ...named,
      success: false,
      error: { code: fault.code.slice(0, 64), message: fault.message.slice(0, 1024) },
      message: fault.shown.slice(0, 1024),
    });
    throw fault;
  }
}

async function joinWith(core: Core, input: JoinInput): Promise<CallOutput<"join">> {
  const csr = decodeBase64(input.csr);
  await parseRequest(csr);
  const systemRoles = [...new Set(input.system_roles)];
  if (input.principals.length > 0 && !systemRoles.includes("proxy")) {
    throw invalid("auth.no-principals", "only a proxy has names that clients check");
  }
  const host = core.random.uuid();
  for (let round = 0; round < maxRounds; round++) {
    const token = await provenToken(core, input.token);
    checkRoles(token.resource, systemRoles);
    const isAgent = systemRoles.includes("db");
    const services = isAgent ? token.resource.spec.services : [];
    const { cluster } = core;
    const identity: HostIdentity = { v: 1, cluster, kind: "host", host, systemRoles, services };
    const signed = await signHost(core, csr, identity, input.principals);
    const number = isAgent ? randomNumber(core) : 0;
    if (!await land(core, token, input, { host, number, signed })) continue;
    return {
      ...issuedOf(signed),
      cluster,
      host,
      number,
      host_cas: core.authorities.trustedOf("host").map((der) => der.toBase64()),
    };
  }
  throw contended("the join token");
}

/** Spends one use and keeps the host, in one commit; false where somebody else was quicker. */
async function land(
  core: Core,
  token: ProvenToken,
  { hostname }: JoinInput,
  made: { readonly host: string; readonly number: number; readonly signed: Signed },
): Promise<boolean> {
  const { resource, revision } = token;
  const { name } = resource.metadata;
  const { host, number, signed } = made;
  const joined = rfc3339(core.clock.now());
  const puts = hostPuts(host, { number, hostname, joined, token: name }, signed.expires);
  const checks = number === 0 ? [] : [{ key: numberKey(number), revision: null }];
  const left = resource.spec.uses_left;
  if (left !== null && left <= 1) {
    const { ok } = await core.backend.commit({
      checks: [{ key: resourceKey("token", name), revision }, ...checks],
      puts,
      deletes: [resourceKey("token", name), tokenSecretKey(name)],
    });
    return ok;
  }
  const uses_left = left === null ? null : left - 1;
  const spent: Token = { ...resource, spec: { ...resource.spec, uses_left } };
  return await core.store.put(spent, revision, { checks, puts });
}

interface ProvenToken {
  readonly resource: Token;
  readonly revision: Revision;
}

/** The token whose secret this is; one set of words for all that can be wrong with it. */
async function provenToken(core: Core, text: string): Promise<ProvenToken> {
  const [, name = "0", secret = ""] = /^([0-9a-f]{10})\.([0-9a-f]{32})$/.exec(text) ?? [];
  const given = new TextEncoder().encode(await secretHash(secret));
  const kept = await core.backend.get(tokenSecretKey(name));
  const stored = await core.store.get("token", name);
  if (kept === null || stored === null || !sameBytes(kept.value, given)) throw badToken();
  const { resource, revision } = stored;
  const { expires } = resource.metadata;
  if (expires !== undefined && Date.parse(expires) <= core.clock.now()) throw badToken();
  const { uses_left } = resource.spec;
  if (uses_left !== null && uses_left < 1) throw badToken();
  return { resource, revision };
}

function badToken(): Fault {
  return new Fault({
    kind: "unauthenticated",
    code: "auth.bad-token",
    message: "the join token is unknown, expired or used up",
    shown: "the join token is not valid: unknown, expired or used up",
    hint: "make a new one with: remoteler tokens add",
  });
}

function checkRoles(token: Token, wanted: readonly ("proxy" | "db")[]): void {
  const missing = wanted.filter((role) => !token.spec.system_roles.includes(role));
  if (missing.length === 0) return;
  throw denied(
    "auth.token-role",
    `this join token is not for ${missing.join(" and ")}`,
    `make one with: remoteler tokens add --type=${missing.join(",")}`,
  );
}

async function signHost(
  core: Core,
  csr: Uint8Array,
  identity: HostIdentity,
  names: readonly string[],
): Promise<Signed> {
  const expires = core.clock.now() + hostLifeMs;
  return await core.authorities.signHost(csr, { identity, names, expires });
}

function randomNumber({ random }: Core): number {
  const [high = 0, low = 0] = random.bytes(2);
  return ((high << 8 | low) % largestNumber) + 1;
}

/** The call `renew`: the same identity for a new key. */
export async function renew(
  core: Core,
  identity: HostIdentity,
  input: CallRequest<"renew">,
  context: Context,
): Promise<CallOutput<"renew">> {
  if (input.principals.length > 0 && !identity.systemRoles.includes("proxy")) {
    throw invalid("auth.no-principals", "only a proxy has names that clients check");
  }
  const kept = await keptHostOf(core, identity);
  const signed = await signHost(core, decodeBase64(input.csr), identity, input.principals);
  await keepFor(core, identity, kept, signed.expires);
  const issued = issuedOf(signed);
  await core.audit.report("cert.create", {
    ...whoOf(context.caller, context.remoteAddress),
    cert_type: "host",
    host: identity.host,
    serial: serialOf(signed),
    expires: issued.expires,
  });
  return issued;
}

/** Keeps a host until its new certificate ends, unless it was removed meanwhile. */
async function keepFor(
  core: Core,
  identity: HostIdentity,
  known: Awaited<ReturnType<typeof keptHostOf>>,
  ends: EpochMs,
): Promise<void> {
  const key = hostKey(identity.host);
  let kept = known;
  for (let round = 0; round < maxRounds; round++) {
    const checks = [{ key, revision: kept.revision }];
    const puts = hostPuts(identity.host, kept.record, ends);
    if ((await core.backend.commit({ checks, puts })).ok) return;
    kept = await keptHostOf(core, identity);
  }
  throw contended("the host");
}

/** The call `tokens.create`; the secret is in the answer and nowhere else. */
export async function createToken(
  core: Core,
  input: CallRequest<"tokens.create">,
  context: Context,
): Promise<CallOutput<"tokens.create">> {
  checkToken(input);
  const name = core.random.bytes(5).toHex();
  const secret = newSecret(core.random);
  const expires = rfc3339(core.clock.now() + input.ttl_s * 1000);
  const resource: Token = {
    kind: "token",
    version: "v1",
    metadata: { name, labels: {}, expires },
    spec: { system_roles: input.system_roles, services: input.services, uses_left: input.uses },
  };
  const kept = {
    key: tokenSecretKey(name),
    value: new TextEncoder().encode(await secretHash(secret)),
    expires: Date.parse(expires),
  };
  if (!await core.store.put(resource, null, { puts: [kept] })) throw contended("the token");
  await core.audit.report("join_token.create", {
    ...whoOf(context.caller, context.remoteAddress),
    name,
    expires,
    system_roles: input.system_roles,
    services: input.services.slice(0, 1024),
  });
  return { token: `${name}.${secret}`, name, expires, ca_pin: core.authorities.caPin() };
}

function checkToken({ ttl_s, uses, services, system_roles }: CallRequest<"tokens.create">): void {
  if (ttl_s < 1 || ttl_s > longestTokenS) {
    throw invalid("auth.bad-token-ttl", "a join token lives for 1 second to 30 days");
  }
  if (uses === 0) throw invalid("auth.bad-token-uses", "a join token without uses is no use");
  if (system_roles.includes("db") && services.length === 0) {
    throw invalid(
      "auth.token-without-services",
      "a token for a Database Service says what its agents may serve",
      "name databases with --services, for example --services='orders-*' or --services='*'",
    );
  }
  if (services.length > 256 || services.some((one) => one.length > 256)) {
    throw invalid("auth.bad-token-services", "too many services, or one over 256 letters");
  }
  for (const service of services) {
    const isLabel = service.startsWith("label:");
    const pattern = isLabel ? /^label:[^=]+=(.*)$/s.exec(service)?.[1] : service;
    if (pattern === undefined || service === "" || service.startsWith("^")) {
      throw invalid(
        "auth.bad-token-services",
        `${JSON.stringify(service.slice(0, 80))} is no service`,
        "write a name, with * for any run, or label:key=value",
      );
    }
    if (!pattern.startsWith("^")) matcher(pattern);
  }
}
