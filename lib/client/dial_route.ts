/** The way to a database that this program itself can take: TLS with the route's certificate. */
import { Fault } from "../core/fault.ts";
import type { ByteStream } from "../core/stream.ts";
import type { ClientTlsOptions, KeyPair } from "../sys/tls.ts";
import { clientTunnelAlpn } from "../tunnel/mod.ts";
import { protocolNamed } from "../wire/mod.ts";
import { hostVerifier, reachable } from "./cluster.ts";
import { dialAgent } from "./end_to_end.ts";
import type { ClientPowers, SecuredStream } from "./powers.ts";
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
  const { route: { service, protocol, db_user, db_name } } = way;
  if (db_user !== null) {
    const usual = protocolNamed(protocol)?.mayLackDatabase === true ? "" : db_user;
    return { ...way, user: db_user, database: db_name ?? usual };
  }
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
  const { login, route: { protocol }, endToEnd } = way;
  const options = { keyPair: await keyPairOf(way), alpn: [ownAlpn(protocol)], signal };
  if (endToEnd) return await dialAgent({ login, route: way.route }, options, powers);
  return await dialFront(way, options, powers);
}

/**
 * A connection for all sessions of a route where the proxy knows of that, else one for a single
 * session; it is the same handshake.
 */
export async function dialShared(
  way: Way,
  powers: ClientPowers,
  signal: AbortSignal,
): Promise<{ readonly stream: ByteStream; readonly isShared: boolean }> {
  const alpn = [clientTunnelAlpn, ownAlpn(way.route.protocol)];
  const stream = await dialFront(way, { keyPair: await keyPairOf(way), alpn, signal }, powers);
  return { stream, isShared: stream.alpn === clientTunnelAlpn };
}

async function dialFront(
  { login }: Way,
  options: Pick<ClientTlsOptions, "keyPair" | "alpn" | "signal">,
  { network, clock }: ClientPowers,
): Promise<SecuredStream> {
  const to = readProxyAddress(login.proxy);
  const verify = hostVerifier(login, "proxy", { clock });
  return await reachable(
    to,
    () => network.connectTls(to, { ...options, serverName: to.host, verify }),
  );
}

async function keyPairOf({ profile, login, route: { service } }: Way): Promise<KeyPair> {
  const pair = await profile.routePair(login, service);
  if (pair === null) throw noCertificate(service);
  return { chain: pair.chain, key: pair.key };
}

function ownAlpn(protocol: string): string {
  return `remoteler-${protocol}`;
}

function noCertificate(service: string): Fault {
  return new Fault({
    kind: "unauthenticated",
    code: "client.no-route",
    message: `the certificate for the database ${service} is gone`,
    hint: `get one with: tsh db login ${service}`,
  });
}
