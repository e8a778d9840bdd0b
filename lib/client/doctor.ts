/** Every step between this machine and a database, each tried by itself. */
import type { VisibleDatabase } from "../api/database_list.ts";
import { parseCertificate, readPem } from "../ca/mod.ts";
import type { Clock } from "../core/clock.ts";
import { asFault } from "../core/fault.ts";
import { PullReader } from "../core/pull.ts";
import { reachable, visibleDatabases, webTls, withAuth } from "./cluster.ts";
import { routeAt } from "./dial_route.ts";
import {
  commandFor,
  connectionOf,
  installed,
  type Launch,
  launchFor,
  missingGroup,
  needsLocalPort,
} from "./launch.ts";
import type { ClientPowers } from "./powers.ts";
import { type Login, type Profile, readProxyAddress, type Route } from "./profile.ts";
import { inForce } from "./session.ts";
import { openSession } from "./sql/open.ts";

/** As `--format=json` shows it. */
export interface Finding {
  readonly check: string;
  /** `warn`: something is missing that can be done without. */
  readonly state: "ok" | "warn" | "fail";
  readonly found: string;
  /** What to do; null where nothing has to be done. */
  readonly hint: string | null;
}

interface Place {
  readonly profile: Profile;
  readonly login: Login;
}

type Words = string | { readonly warn: string; readonly hint: string };

const stepMsMax = 10_000;
const skewMsMax = 60_000;

/** All findings, in the order of the way; what can't be tried after a failure is left out. */
export async function examine(place: Place, powers: ClientPowers): Promise<readonly Finding[]> {
  const { login } = place;
  const to = readProxyAddress(login.proxy);
  const findings: Finding[] = [];
  const check = async (name: string, run: (signal: AbortSignal) => Promise<Words>) => {
    const finding = await examined(name, run, powers);
    findings.push(finding);
    return finding.state !== "fail";
  };
  await check("login", () => Promise.resolve(standingOf(login, powers.clock)));
  const isThere = await check("proxy", async (signal) => {
    (await reachable(to, () => powers.network.connectTcp(to, { signal }))).abort();
    return `${to.text} answers`;
  });
  if (isThere) {
    await check("tls", (signal) => trusted(login, powers, signal));
    await check("clock", (signal) => skew(login, powers, signal));
    let databases: readonly VisibleDatabase[] = [];
    const isOpen = await check("auth", async (signal) => {
      databases = await withAuth(login, powers, async (auth) => {
        await auth.call("status", {}, signal);
        return await visibleDatabases(auth, signal);
      });
      return `knows ${login.user}, databases: ${databases.length}`;
    });
    const routes = new Map((await place.profile.routes(login)).map((one) => [one.service, one]));
    for (const database of isOpen ? databases : []) {
      const route = routes.get(database.name);
      const name = `database ${database.name}`;
      await check(name, (signal) => health(place, { database, route }, powers, signal));
    }
  }
  const known = await place.profile.routes(login);
  for (const protocol of new Set(known.map((one) => one.protocol).concat("postgres"))) {
    const launch = launchFor(protocol);
    if (launch !== null) await check(launch.programs[0], () => nativeClient(launch, powers));
  }
  for (const route of known) {
    await check(`files of ${route.service}`, () => filesOf(place, route, powers));
  }
  return findings;
}

async function examined(
  check: string,
  run: (signal: AbortSignal) => Promise<Words>,
  powers: ClientPowers,
): Promise<Finding> {
  const tooLong = new AbortController();
  const timer = powers.clock.after(stepMsMax, () => tooLong.abort());
  try {
    const found = await run(AbortSignal.any([powers.signal, tooLong.signal]));
    if (typeof found === "string") return { check, state: "ok", found, hint: null };
    return { check, state: "warn", found: found.warn, hint: found.hint };
  } catch (thrown) {
    powers.signal.throwIfAborted();
    if (tooLong.signal.aborted) {
      const hint = "check your network, and what stands between";
      return { check, state: "fail", found: `no answer in ${stepMsMax / 1000} s`, hint };
    }
    const { message, hint = null } = asFault(thrown);
    return { check, state: "fail", found: message, hint };
  } finally {
    timer.cancel();
  }
}

function standingOf(login: Login, clock: Clock): Words {
  const [der] = readPem(login.certificate, "CERTIFICATE");
  const begins = der === undefined ? 0 : parseCertificate(der).notBefore;
  const left = Date.parse(login.expires) - clock.now();
  const again = `tsh login --proxy=${login.proxy} --user=${login.user}`;
  if (left <= 0) return { warn: `expired at ${login.expires}`, hint: `log in again: ${again}` };
  if (begins > clock.now()) {
    return { warn: "the certificate is not valid yet", hint: "set this machine's clock right" };
  }
  return `${login.user} in ${login.cluster} until ${login.expires}`;
}

async function trusted(login: Login, powers: ClientPowers, signal: AbortSignal): Promise<Words> {
  const to = readProxyAddress(login.proxy);
  const options = { ...webTls(to, login.trust), signal };
  (await reachable(to, () => powers.network.connectTls(to, options))).abort();
  if (login.trust.kind !== "none") return "the proxy's certificate is trusted";
  const hint = "log in with --ca-pin or --ca-file";
  return { warn: "the proxy's certificate is not checked (--insecure)", hint };
}

/** By the Date of an HTTP answer (RFC 9110 §6.6.1), which is in whole seconds. */
async function skew(login: Login, powers: ClientPowers, signal: AbortSignal): Promise<Words> {
  const to = readProxyAddress(login.proxy);
  const options = { ...webTls(to, login.trust), signal };
  const stream = await reachable(to, () => powers.network.connectTls(to, options));
  try {
    const reader = new PullReader(stream);
    const request = `GET / HTTP/1.1\r\nhost: ${to.text}\r\nconnection: close\r\n\r\n`;
    await reader.write(new TextEncoder().encode(request), signal);
    const head = new TextDecoder().decode(await reader.pull(signal) ?? new Uint8Array(0));
    const date = Date.parse(/^date: (.+)$/im.exec(head)?.[1]?.trim() ?? "");
    if (Number.isNaN(date)) return { warn: "the proxy tells no time", hint: "check --proxy" };
    const ms = powers.clock.now() - date;
    if (Math.abs(ms) < skewMsMax) return "within a minute of the proxy's";
    const words = `${Math.round(Math.abs(ms) / 1000)} s ${ms > 0 ? "ahead of" : "behind"}`;
    return { warn: `${words} the proxy's`, hint: "set this machine's clock right" };
  } finally {
    stream.abort();
  }
}

async function health(
  place: Place,
  { database: { name, online, require_end_to_end, health: { status, reason } }, route }: {
    readonly database: VisibleDatabase;
    readonly route: Route | undefined;
  },
  powers: ClientPowers,
  signal: AbortSignal,
): Promise<Words> {
  if (!online) {
    const hint = "ask an administrator: remoteler get agent";
    return { warn: "no agent that serves it is connected", hint };
  }
  if (route === undefined || !inForce(route, powers) || route.db_user === null) {
    const hint = `ask an administrator: remoteler db test ${name}`;
    if (status === "unhealthy") return { warn: `unhealthy: ${reason}`, hint };
    return `online; tried only after: tsh db login ${name}`;
  }
  const began = powers.clock.monotonic();
  const endToEnd = require_end_to_end || route.require_end_to_end;
  const session = await openSession(routeAt({ ...place, route, endToEnd }), powers, signal);
  session.close();
  const ms = Math.round(powers.clock.monotonic() - began);
  return `lets ${route.db_user} in${endToEnd ? ", end to end" : ""} (${ms} ms)`;
}

async function nativeClient(launch: Launch, powers: ClientPowers): Promise<Words> {
  const program = await installed(launch, powers);
  const path = program === null ? null : await powers.findProgram(program);
  if (path === null) {
    const hint = `${launch.install}, or use the built-in shell: tsh db shell NAME`;
    return { warn: `${launch.programs.join(" or ")} is not installed`, hint };
  }
  return (await powers.outputOf(path, ["--version"])).trim();
}

async function filesOf(
  { profile, login }: Place,
  route: Route,
  powers: ClientPowers,
): Promise<Words> {
  const { service } = route;
  const hint = `make them anew: tsh db login ${service}`;
  if (!inForce(route, powers)) return { warn: `certificate expired at ${route.expires}`, hint };
  const files = profile.routeFiles(login, service);
  for (const path of Object.values(files)) {
    if (await powers.files.readText(path) === null) return { warn: `${path} is gone`, hint };
  }
  const missing = needsLocalPort(route)
    ? null
    : await missingGroup(connectionOf(profile, login, route), powers);
  if (missing !== null) {
    return { warn: `${missing.path} has no section [${missing.header}]`, hint };
  }
  return commandFor(route, connectionOf(profile, login, route));
}
