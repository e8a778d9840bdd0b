/** From a Grant to a database that let us in. */
import { parseCertificate } from "../ca/mod.ts";
import { readPem } from "../ca/mod.ts";
import { findIssuer, signedBy } from "../ca/trust.ts";
import type { Clock } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { Random } from "../core/random.ts";
import type { ByteStream } from "../core/stream.ts";
import type { ClientTlsOptions } from "../sys/tls.ts";
import type { Handshake, LoggedIn, LoginRequest, ServerFacts } from "../wire/protocol.ts";
import type { Grant } from "./authorize.ts";
import { type Credentials, passwordFor } from "./credentials/mod.ts";
import { drive, type Driven, type Line, lineOf, pbkdf2 } from "./drive.ts";
import { connectMsMax } from "./limits.ts";
import { authoritiesOf, type ClusterPowers } from "./standing.ts";
import type { DatabaseTarget } from "./targets.ts";

/** A TCP connection that TLS can be started on; the stream is used up by that. */
export interface DatabaseSocket {
  readonly stream: ByteStream;
  startTls(options: ClientTlsOptions): Promise<ByteStream>;
}

export interface ConnectPowers extends Pick<ClusterPowers, "cache"> {
  readonly clock: Clock;
  readonly random: Random;
  readonly connectDatabase: (
    to: { readonly host: string; readonly port: number },
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ) => Promise<DatabaseSocket>;
}

/** A connected database, not yet logged in. */
export interface Connected {
  readonly line: Line;
  readonly socket: DatabaseSocket;
  /** The very address that was reached, for cancel requests. */
  readonly address: { readonly host: string; readonly port: number };
}

/**
 * Connects to the database of the grant. Faults: `db.unreachable` (`target`), words for the user.
 */
export async function connect(
  grant: Grant,
  powers: ConnectPowers,
  signal: AbortSignal,
): Promise<Connected> {
  return await reach(grant.target, grant.target, powers, signal);
}

/**
 * Logs in as the grant's user; what the database says against it is thrown as it is.
 */
export async function login(
  grant: Grant,
  connected: Connected,
  credentials: Credentials,
  powers: ConnectPowers,
  signal: AbortSignal,
): Promise<Driven<LoggedIn>> {
  const { target } = grant;
  const script = target.protocol.login(loginOf(grant, credentials, powers));
  return await converse(script, connected, { target, credentials, powers, signal });
}

/** The login of a grant, as the protocol takes it. */
export function loginOf(
  { user, database, startup, replication, localInfile, limits }: Grant,
  { password }: Pick<Credentials, "password">,
  { random }: Pick<ConnectPowers, "random">,
): LoginRequest {
  const { statementMs, readOnly } = limits;
  return {
    user,
    database,
    startup,
    limits: { statementMs: statementMs === Infinity ? null : statementMs, readOnly },
    replication,
    localInfile,
    hasPassword: password !== null,
    nonce: random.bytes(24),
  };
}

/** A connection of its own for one script: a cancel request, or a login that Auth has ordered. */
export async function speakTo<T>(
  target: DatabaseTarget,
  to: Connected["address"],
  script: Handshake<T>,
  credentials: Credentials,
  powers: ConnectPowers,
  signal: AbortSignal,
): Promise<Driven<T>> {
  const connected = await reach(target, to, powers, signal);
  try {
    return await converse(script, connected, { target, credentials, powers, signal });
  } catch (thrown) {
    connected.line.stream.abort();
    throw thrown;
  }
}

const noCredentials: Credentials = { keyPair: null, password: null };

/**
 * Reaches the database and starts TLS, as configured or as `tls` says, no more; throws what keeps
 * it from that. Gives what the database says of itself before.
 */
export async function probe(
  target: DatabaseTarget,
  powers: ConnectPowers,
  signal: AbortSignal,
  tls: ClientTlsOptions = tlsOptions(target, noCredentials, powers),
): Promise<ServerFacts | null> {
  const connected = await reach(target, target, powers, signal);
  try {
    const parts = { target, credentials: noCredentials, powers, signal, tls };
    const { result, line } = await converse(target.protocol.greet(), connected, parts);
    line.stream.abort();
    return result;
  } finally {
    connected.line.stream.abort();
  }
}

async function reach(
  target: DatabaseTarget,
  to: { readonly host: string; readonly port: number },
  powers: ConnectPowers,
  signal: AbortSignal,
): Promise<Connected> {
  const { host, port } = to;
  try {
    const options = { timeoutMs: connectMsMax, signal };
    const socket = await powers.connectDatabase({ host, port }, options);
    const address = addressOf(socket.stream.remoteAddress) ?? { host, port };
    return { line: lineOf(socket.stream), socket, address };
  } catch (cause) {
    signal.throwIfAborted();
    const { metadata: { name }, spec: { uri } } = target.resource;
    throw new Fault({
      kind: "target",
      code: "db.unreachable",
      message: `database ${name} can't be reached at ${uri}: ${reasonOf(cause)}`,
      shown: `the database ${name} can't be reached: ${reasonOf(cause)}`,
      hint: "check that the database runs and that the Database Service can reach it",
      cause,
    });
  }
}

interface Conversation {
  readonly target: DatabaseTarget;
  readonly credentials: Credentials;
  readonly powers: ConnectPowers;
  readonly signal: AbortSignal;
  readonly tls?: ClientTlsOptions;
}

function converse<T>(
  script: Handshake<T>,
  { line, socket }: Connected,
  { target, credentials, powers, signal, tls }: Conversation,
): Promise<Driven<T>> {
  return drive(script, line, {
    signal,
    pbkdf2,
    // Only databases of one maker want it.
    ed25519: async ({ password, message }) => {
      const { signByPassword } = await import("./credentials/ed25519.ts");
      return await signByPassword(password, message);
    },
    secret: (step) => passwordFor(step, credentials, target.mode),
    tls: async (_, early) => {
      try {
        const options = tls ?? tlsOptions(target, credentials, powers);
        return await socket.startTls({ ...options, early, signal });
      } catch (cause) {
        signal.throwIfAborted();
        throw notTrusted(target, cause);
      }
    },
  });
}

/**
 * Where the configuration names no CA, the cluster's own `db` CA counts (`remoteler auth sign`),
 * and under verify-full the system's as well.
 */
export function tlsOptions(
  target: DatabaseTarget,
  credentials: Pick<Credentials, "keyPair">,
  { cache, clock }: Pick<ConnectPowers, "cache" | "clock">,
): ClientTlsOptions {
  const { mode, serverName, ca } = target;
  const keyPair = credentials.keyPair ?? undefined;
  const own = authoritiesOf(cache).db ?? [];
  switch (mode) {
    case "verify-full":
      return {
        keyPair,
        serverName,
        verify: "web",
        authorities: ca ?? own,
        systemToo: ca === null,
      };
    case "verify-ca": {
      const trusted = ca === null ? own : readPem(ca, "CERTIFICATE");
      return {
        keyPair,
        serverName,
        verify: (shown) => chainFault(shown, trusted, clock.now()),
      };
    }
    case "insecure":
      return { keyPair, serverName, verify: () => null };
  }
}

/**
 * `verify-ca`: the chain leads to the configured CA and all of it is in force; the name is not
 * asked.
 */
function chainFault(
  shown: readonly Uint8Array[],
  trusted: readonly Uint8Array[],
  now: number,
): Fault | null {
  const chain = shown.map((der) => parseCertificate(der));
  for (const [index, certificate] of chain.entries()) {
    if (now < certificate.notBefore || now >= certificate.notAfter) return untrusted("is expired");
    if (findIssuer(certificate, trusted, now) !== null) return null;
    const issuer = chain[index + 1];
    const linked = issuer !== undefined && issuer.basicConstraints?.ca === true &&
      signedBy(certificate, issuer);
    if (!linked) break;
  }
  return untrusted("is not signed by the configured CA");
}

function untrusted(what: string): Fault {
  const shown = `its certificate ${what}`;
  return new Fault({ kind: "target", code: "db.untrusted", message: shown, shown });
}

function notTrusted(target: DatabaseTarget, cause: unknown): Fault {
  const { metadata: { name }, spec: { uri } } = target.resource;
  return new Fault({
    kind: "target",
    code: "db.tls",
    message: `no TLS with database ${name} at ${uri}: ${reasonOf(cause)}`,
    shown: `the database ${name} can't be trusted: ${reasonOf(cause)}`,
    hint: `it should show a certificate for ${target.serverName} by the CA in its configuration, ` +
      `and accept client certificates of this cluster`,
    cause,
  });
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ETIMEDOUT: "no answer in time",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "its name can't be resolved at the moment",
  ECONNRESET: "connection reset",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "it does not trust the CA of our certificate",
  CERT_HAS_EXPIRED: "its certificate is expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is by an unknown CA",
  // The runtime says the same of both.
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is expired or by an unknown CA",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate is by an unknown CA",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is by an unknown CA",
};

/** What went wrong below, in words for users. */
export function reasonOf(cause: unknown): string {
  if (!(cause instanceof Fault)) return "internal error";
  const errno = cause.fields["errno"];
  const known = typeof errno === "string" ? words[errno] : undefined;
  return known ?? (cause.code === "db.untrusted" ? cause.shown : cause.message);
}

function addressOf(remote: string): Connected["address"] | null {
  const found = /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([^:]+)):(\d+)$/.exec(remote);
  const host = found?.[1] ?? found?.[2];
  return host === undefined ? null : { host, port: Number(found?.[3]) };
}
