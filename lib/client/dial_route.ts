/** The way to a database that this program itself can take: TLS with the route's certificate. */
import { Fault } from "../core/fault.ts";
import type { ByteStream } from "../core/stream.ts";
import { hostVerifier, reachable } from "./cluster.ts";
import { dialAgent } from "./end_to_end.ts";
import type { ClientPowers } from "./powers.ts";
import { type Login, type Profile, readProxyAddress, type Route } from "./profile.ts";

/** Which database, and where TLS ends on the way there. */
export interface Way {
  readonly profile: Profile;
  readonly login: Login;
  readonly route: Route;
  /** At its Database Service, past the proxy. */
  readonly endToEnd: boolean;
}

/** Where a session goes, and as whom. */
export interface RouteAt extends Way {
  readonly user: string;
  readonly database: string;
}

/** As a route says; faults `client.no-account` where it leaves the account open. */
export function routeAt(way: Way): RouteAt {
  const { route: { service, db_user, db_name } } = way;
  if (db_user !== null) return { ...way, user: db_user, database: db_name ?? db_user };
  throw new Fault({
    kind: "invalid",
    code: "client.no-account",
    message: `your roles allow several accounts of ${service}`,
    hint: "name one with --db-user, and the database with --db-name",
  });
}

/**
 * A stream that ends at the database front of the proxy, or at the Database Service. Requests to
 * cancel go the first way always: the proxy finds the session by its key, which holds nothing else.
 */
export async function dialRoute(
  way: Way,
  powers: ClientPowers,
  signal: AbortSignal,
): Promise<ByteStream> {
  const { profile, login, route: { service, protocol }, endToEnd } = way;
  const pair = await profile.routePair(login, service);
  if (pair === null) throw noCertificate(service);
  const keyPair = { chain: pair.chain, key: pair.key };
  const options = { keyPair, alpn: [`remoteler-${protocol}`], signal };
  if (endToEnd) return await dialAgent(way, options, powers);
  const to = readProxyAddress(login.proxy);
  const verify = hostVerifier(login, "proxy", powers);
  return await reachable(
    to,
    () => powers.network.connectTls(to, { ...options, serverName: to.host, verify }),
  );
}

function noCertificate(service: string): Fault {
  return new Fault({
    kind: "unauthenticated",
    code: "client.no-route",
    message: `the certificate for the database ${service} is gone`,
    hint: `get one with: tsh db login ${service}`,
  });
}
