/** The way to a database that this program itself can take: TLS with the route's certificate. */
import { Fault } from "../core/fault.ts";
import type { ByteStream } from "../core/stream.ts";
import { hostVerifier, reachable } from "./cluster.ts";
import type { ClientPowers } from "./powers.ts";
import { type Login, type Profile, readProxyAddress, type Route } from "./profile.ts";

/** Where a session goes, and as whom. */
export interface RouteAt {
  readonly profile: Profile;
  readonly login: Login;
  readonly route: Route;
  readonly user: string;
  readonly database: string;
}

/** As a route says; faults `client.no-account` where it leaves the account open. */
export function routeAt(
  at: { readonly profile: Profile; readonly login: Login },
  route: Route,
): RouteAt {
  if (route.db_user !== null) {
    const { db_user: user, db_name } = route;
    return { ...at, route, user, database: db_name ?? user };
  }
  throw new Fault({
    kind: "invalid",
    code: "client.no-account",
    message: `your roles allow several accounts of ${route.service}`,
    hint: "name one with --db-user, and the database with --db-name",
  });
}

/** A stream that ends at the database front of the proxy. */
export async function dialRoute(
  { profile, login, route: { service, protocol } }: RouteAt,
  powers: ClientPowers,
  signal: AbortSignal,
): Promise<ByteStream> {
  const pair = await profile.routePair(login, service);
  if (pair === null) {
    throw new Fault({
      kind: "unauthenticated",
      code: "client.no-route",
      message: `the certificate for the database ${service} is gone`,
      hint: `get one with: tsh db login ${service}`,
    });
  }
  const to = readProxyAddress(login.proxy);
  return await reachable(to, () =>
    powers.network.connectTls(to, {
      keyPair: { chain: pair.chain, key: pair.key },
      serverName: to.host,
      alpn: [`remoteler-${protocol}`],
      verify: hostVerifier(login, "proxy", powers),
      signal,
    }));
}
