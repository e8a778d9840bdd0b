/** A database of several servers: its session goes on over connections to all that it needs. */
import type { LoggedIn } from "../wire/protocol.ts";
import type { ServerAddress } from "../wire/spread.ts";
import type { Grant } from "./authorize.ts";
import { type ConnectPowers, loginOf, speakTo } from "./connect.ts";
import { credentialsOf } from "./credentials/mod.ts";
import type { DatabaseCertificates } from "./credentials/x509.ts";
import { type Driven, type Line, lineOf } from "./drive.ts";
import { connectMsMax, loginMsMax } from "./limits.ts";
import { type OpenServer, SpreadStream } from "./spread_stream.ts";
import { within } from "./within.ts";

export interface SpreadVisitPowers extends ConnectPowers {
  readonly certificates: DatabaseCertificates;
  /** Where clients reach this proxy, `host:port`; null where the agent hasn't heard. */
  readonly proxyAddress: (proxy: string) => string | null;
  readonly signal: AbortSignal;
}

export interface SpreadVisit {
  readonly grant: Grant;
  readonly loggedIn: LoggedIn;
  /** The connection that the session logged in by. */
  readonly line: Line;
  /** Which proxy the client came through. */
  readonly proxy: string;
  readonly onBug: (thrown: unknown) => void;
}

/** The line of the whole database where the server is one of several; else the server's own. */
export function wholeLine(visit: SpreadVisit, powers: SpreadVisitPowers): Line {
  const { grant, loggedIn, line, proxy, onBug } = visit;
  const make = grant.target.protocol.spread;
  if (loggedIn.isSpread !== true || make === undefined) return line;
  const stream = new SpreadStream({
    make,
    first: { ...openServer(line), host: grant.target.host },
    endpoint: readEndpoint(powers.proxyAddress(proxy)),
    open: (address, signal) => openNext(grant, address, powers, signal),
    clock: powers.clock,
    onBug,
  });
  return lineOf(stream);
}

/**
 * Another of its servers, with the checks and the credentials of the first: its certificate has to
 * name it as the cluster does, or as the configuration says where that names it.
 */
async function openNext(
  grant: Grant,
  address: ServerAddress,
  powers: SpreadVisitPowers,
  signal: AbortSignal,
): Promise<OpenServer> {
  const { serverName, host } = grant.target;
  const isNamed = serverName !== host;
  const target = { ...grant.target, serverName: isNamed ? serverName : address.name };
  const credentials = await credentialsOf(grant, powers.certificates);
  const script = target.protocol.login(loginOf(grant, credentials, powers));
  const driven: Driven<LoggedIn> = await within(
    { clock: powers.clock, signal: AbortSignal.any([powers.signal, signal]) },
    connectMsMax + loginMsMax,
    (limit) => speakTo(target, address, script, credentials, powers, limit),
  );
  return openServer(driven.line);
}

function openServer({ stream, reader }: Line): OpenServer {
  return { stream, ...reader.release() };
}

function readEndpoint(
  address: string | null,
): { readonly host: string; readonly port: number } | null {
  const found = /^\[?(.+?)\]?:(\d{1,5})$/.exec(address ?? "");
  return found?.[1] === undefined ? null : { host: found[1], port: Number(found[2]) };
}
