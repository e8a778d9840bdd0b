/** The login that a command works with, and the certificates for databases that follow from it. */
import { buildRequest, certificatePem, generateKey } from "../ca/mod.ts";
import type { AuthClient } from "../api/contract.ts";
import type { VisibleDatabase } from "../api/database_list.ts";
import { text } from "../cli/mod.ts";
import { Fault } from "../core/fault.ts";
import { nativeAddress, visibleDatabases, withAuth } from "./cluster.ts";
import { launchFor } from "./launch.ts";
import { nearest } from "./near.ts";
import type { ClientPowers } from "./powers.ts";
import { type Login, Profile, readProxyAddress, type Route } from "./profile.ts";

/** `--proxy`, where there are logins at several. */
export const proxyOption = text({
  help: "the proxy whose login to use, where there are several (default: the last login)",
  value: "HOST[:PORT]",
});

/** A login that is in force, else a fault that says how to get one. */
export async function requireLogin(
  proxy: string | null,
  powers: ClientPowers,
): Promise<{ readonly profile: Profile; readonly login: Login }> {
  const profile = new Profile(powers);
  const at = proxy === null ? null : readProxyAddress(proxy).text;
  const login = await profile.login(at);
  if (login === null) {
    throw new Fault({
      kind: "unauthenticated",
      code: "client.not-logged-in",
      message: at === null ? "you are not logged in" : `you are not logged in at ${at}`,
      hint: `log in with: tsh login --proxy=${at ?? "HOST"} --user=NAME`,
    });
  }
  if (Date.parse(login.expires) <= powers.clock.now()) throw expired(login);
  return { profile, login };
}

function expired({ proxy, user, expires }: Login): Fault {
  return new Fault({
    kind: "unauthenticated",
    code: "client.login-expired",
    message: `your login expired at ${expires}`,
    hint: `log in again with: tsh login --proxy=${proxy} --user=${user}`,
  });
}

/** What was asked for a database; null where it was left open. */
export interface RouteOrder {
  readonly service: string;
  readonly user: string | null;
  readonly name: string | null;
}

/** Gets a certificate for one database and keeps it. Faults name near misses and what to choose. */
export async function orderRoute(
  { profile, login }: { readonly profile: Profile; readonly login: Login },
  order: RouteOrder,
  powers: ClientPowers,
): Promise<Route> {
  return await withAuth(login, powers, async (auth) => {
    const database = await findDatabase(auth, order.service, powers);
    const db_user = order.user ?? choose(database.db_users, login.user);
    const db_name = order.name ?? choose(database.db_names, db_user ?? "");
    const key = await generateKey();
    const issued = await auth.call("certificates.route", {
      csr: (await buildRequest(key)).toBase64(),
      service: order.service,
      ...(db_user === null ? {} : { db_user }),
      ...(db_name === null ? {} : { db_name }),
    }, powers.signal);
    const { protocol, expires, chain } = issued;
    const { labels, require_end_to_end } = database;
    const asked = { service: order.service, protocol, db_user, db_name };
    const native = launchFor(protocol)?.ownPort === true
      ? await nativeAddress(login, protocol, powers)
      : null;
    const route: Route = { v: 1, ...asked, expires, labels, require_end_to_end, native };
    await profile.saveRoute(login, route, {
      key: key.privatePem(),
      certificate: certificatePem(...chain.map((one) => Uint8Array.fromBase64(one))),
    });
    return route;
  });
}

/** The route that is there where it is in force and fits what was asked, else a new one. */
export async function usableRoute(
  at: { readonly profile: Profile; readonly login: Login },
  { service, user, name }: RouteOrder,
  powers: ClientPowers,
): Promise<Route> {
  const known = await at.profile.route(at.login, service);
  const fits = known !== null && inForce(known, powers) &&
    (user === null || user === known.db_user) && (name === null || name === known.db_name);
  if (fits) return known;
  const order = {
    service,
    user: user ?? known?.db_user ?? null,
    name: name ?? known?.db_name ?? null,
  };
  return await orderRoute(at, order, powers);
}

async function findDatabase(
  auth: AuthClient,
  service: string,
  powers: ClientPowers,
): Promise<VisibleDatabase> {
  const databases = await visibleDatabases(auth, powers.signal);
  const found = databases.find(({ name }) => name === service);
  if (found !== undefined) return found;
  const near = nearest(service, databases.map(({ name }) => name));
  throw new Fault({
    kind: "missing",
    code: "client.no-database",
    message: `there is no database ${JSON.stringify(service)} that your roles give access to`,
    hint: near === null ? "see what you can reach with: tsh db ls" : `did you mean ${near}?`,
  });
}

/** The one that can be meant: the only one allowed, or the person's own name. */
function choose(allowed: readonly string[], own: string): string | null {
  const plain = allowed.filter((one) => !/[*^$]/.test(one));
  if (plain.includes(own)) return own;
  const [only] = plain;
  return plain.length === 1 && allowed.length === 1 ? only ?? null : null;
}

/** A route that is still good for `marginMs`; null where it isn't. */
export function inForce(route: Route, powers: Pick<ClientPowers, "clock">, marginMs = 0): boolean {
  return Date.parse(route.expires) - powers.clock.now() > marginMs;
}

/** The route that `tsh db login` made. */
export async function requireRoute(
  { profile, login }: { readonly profile: Profile; readonly login: Login },
  service: string,
  powers: ClientPowers,
): Promise<Route> {
  const route = await profile.route(login, service);
  if (route !== null && inForce(route, powers)) return route;
  const known = (await profile.routes(login)).map((one) => one.service);
  const near = route === null ? nearest(service, known) : null;
  throw new Fault({
    kind: "unauthenticated",
    code: route === null ? "client.no-route" : "client.route-expired",
    message: route === null
      ? `you have no certificate for the database ${service}`
      : `your certificate for the database ${service} expired at ${route.expires}`,
    hint: near === null ? `get one with: tsh db login ${service}` : `did you mean ${near}?`,
  });
}
