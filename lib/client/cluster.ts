/** Speaking to the cluster of a login: the proxy's web API, and Auth through the proxy's port. */
import type { AuthClient, CallInput, CallOutput } from "../api/contract.ts";
import { contract } from "../api/contract.ts";
import { authClient } from "../api/client.ts";
import { databasesIn, type VisibleDatabase } from "../api/database_list.ts";
import { faultIn, parseJson, readAnswer } from "../api/failure.ts";
import { certificatePem, readPem, type Standing, verifyIdentity, verifyPinned } from "../ca/mod.ts";
import { Fault } from "../core/fault.ts";
import type { HostIdentity, SystemRole } from "../core/identity.ts";
import { read, SchemaError, v } from "../schema/mod.ts";
import type { ClientTlsOptions } from "../sys/tls.ts";
import type { ClientPowers, HostPort } from "./powers.ts";
import { type Login, readProxyAddress, type Trust } from "./profile.ts";

/** Auth, by the login's certificate; end it with `close`. */
export interface OpenAuth {
  readonly auth: AuthClient;
  close(): void;
}

/** mTLS that ends at Auth: the proxy passes it on unread. */
export function openAuth(login: Login, powers: ClientPowers): OpenAuth {
  const to = readProxyAddress(login.proxy);
  const http = powers.network.http({
    host: to.text,
    connect: (signal) =>
      reachable(to, () =>
        powers.network.connectTls(to, {
          keyPair: { chain: login.certificate, key: login.key },
          serverName: to.host,
          alpn: ["remoteler-auth"],
          minVersion: "TLSv1.3",
          verify: hostVerifier(login, "auth", powers),
          signal,
        })),
  });
  return { auth: authClient(http, powers.clock), close: () => http.close() };
}

/** Runs one conversation with Auth. */
export async function withAuth<T>(
  login: Login,
  powers: ClientPowers,
  run: (auth: AuthClient) => Promise<T>,
): Promise<T> {
  const { auth, close } = openAuth(login, powers);
  try {
    return await run(auth);
  } finally {
    close();
  }
}

/** The databases that the roles of a login give, by name. */
export async function visibleDatabases(
  auth: AuthClient,
  signal: AbortSignal,
): Promise<readonly VisibleDatabase[]> {
  return databasesIn(await auth.call("databases.list", {}, signal));
}

/**
 * Says what is wrong with a peer that should be a host of this cluster with this role; `also` may
 * find more, in words.
 */
export function hostVerifier(
  login: Pick<Login, "cluster" | "host_ca">,
  systemRole: SystemRole,
  powers: Pick<ClientPowers, "clock">,
  also: (identity: HostIdentity) => string | null = () => null,
): (chain: readonly Uint8Array[]) => Fault | null {
  const authorities = { host: readPem(login.host_ca, "CERTIFICATE") };
  return (chain) => {
    try {
      const now = powers.clock.now();
      const { cluster } = login;
      const expected = { expect: "host", systemRole, cluster, now, authorities, standing } as const;
      const words = also(verifyIdentity(chain, expected).identity);
      return words === null ? null : refusedHost(words);
    } catch (thrown) {
      if (thrown instanceof Fault) return thrown;
      throw thrown;
    }
  };
}

function refusedHost(message: string): Fault {
  return new Fault({ kind: "unauthenticated", code: "client.wrong-agent", message });
}

/** Locks and generations are for services to know; the proxy and Auth look at ours. */
const standing: Standing = { generationOf: () => null, lockOf: () => null };

/** What the login page's program sees of the answer. */
export type LoggedIn = CallOutput<"login.password">;
export type Credentials = Omit<CallInput<"login.password">, "client_address">;

/** `POST /v1/login` at the proxy. Faults are the proxy's, or `client.unreachable`. */
export async function postLogin(
  to: HostPort & { readonly text: string },
  trust: Trust,
  credentials: Credentials,
  powers: ClientPowers,
): Promise<LoggedIn> {
  const http = powers.network.http({
    host: to.text,
    connect: (signal) =>
      reachable(
        to,
        () => powers.network.connectTls(to, { ...webTls(to, trust), signal }),
      ),
  });
  try {
    const { body, status } = await http.post(
      "/v1/login",
      JSON.stringify(credentials),
      powers.signal,
    );
    const answer = parseJson(body);
    const fault = faultIn(answer);
    if (fault !== null) throw fault;
    if (status !== 200) throw notAProxy(to, status);
    return readAnswer(contract["login.password"].output, answer, "login");
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code !== "api.bad-json") throw thrown;
    throw notAProxy(to, 0);
  } finally {
    http.close();
  }
}

const pong = v.looseObject({ native: v.optional(v.record(v.string(), v.string()), {}) });

/**
 * `host:port` where the proxy of a login takes programs of a protocol that has a port of its own;
 * null where it has none, or doesn't say.
 */
export async function nativeAddress(
  { proxy, trust }: Login,
  protocol: string,
  powers: ClientPowers,
): Promise<string | null> {
  const to = readProxyAddress(proxy);
  const options = webTls(to, trust);
  const http = powers.network.http({
    host: to.text,
    connect: (signal) => powers.network.connectTls(to, { ...options, signal }),
  });
  try {
    const { body, status } = await http.get("/v1/ping", powers.signal);
    const { native } = status === 200 ? read(pong, parseJson(body), "ping") : { native: {} };
    return Object.hasOwn(native, protocol) ? native[protocol] ?? null : null;
  } catch (thrown) {
    powers.signal.throwIfAborted();
    if (thrown instanceof Fault || thrown instanceof SchemaError) return null;
    throw thrown;
  } finally {
    http.close();
  }
}

/** The pinned CA of the proxy, to be the only trusted one; nothing secret has been sent before. */
export async function trustPinned(
  to: HostPort,
  pin: string,
  powers: ClientPowers,
): Promise<Trust> {
  let authority: Uint8Array | null = null;
  const stream = await reachable(to, () =>
    powers.network.connectTls(to, {
      serverName: to.host,
      alpn: ["http/1.1"],
      signal: powers.signal,
      verify: (chain) => {
        try {
          authority = verifyPinned(chain, { pin, now: powers.clock.now() });
          return null;
        } catch (thrown) {
          if (thrown instanceof Fault) return thrown;
          throw thrown;
        }
      },
    }));
  stream.abort();
  if (authority === null) throw new Error("The TLS client verified nothing");
  return { kind: "ca", pem: certificatePem(authority) };
}

/** The name is checked by the runtime, against whom the profile trusts. */
export function webTls(to: HostPort, trust: Trust): ClientTlsOptions {
  const base = { serverName: to.host, alpn: ["http/1.1"] };
  switch (trust.kind) {
    case "system":
      return { ...base, verify: "web" };
    case "ca":
      return { ...base, verify: "web", authorities: trust.pem };
    case "none":
      return { ...base, verify: () => null };
  }
}

const untrusted =
  /SELF_SIGNED|UNABLE_TO_|CERT_UNTRUSTED|ALTNAME|CERT_HAS_EXPIRED|CERT_SIGNATURE|DEPTH_ZERO/;

/** Words for what keeps us from the proxy. */
export async function reachable<T>(to: HostPort, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    if (!(cause instanceof Fault) || cause.kind !== "network") throw cause;
    const errno = String(cause.fields["errno"] ?? "");
    if (untrusted.test(errno)) {
      throw new Fault({
        kind: "unauthenticated",
        code: "client.untrusted",
        message: `the certificate of ${to.host}:${to.port} is not trusted (${errno})`,
        hint: "to try out a cluster without a public certificate: " +
          "--ca-pin=sha256:..., as `remoteler status` prints it, or --ca-file=FILE",
        cause,
      });
    }
    throw new Fault({
      kind: "network",
      code: "client.unreachable",
      message: `the proxy ${to.host}:${to.port} can't be reached: ${cause.message}`,
      hint: "check --proxy and your network",
      fields: { errno },
      cause,
    });
  }
}

function notAProxy(to: HostPort, status: number): Fault {
  return new Fault({
    kind: "protocol",
    code: "client.not-a-proxy",
    message: `${to.host}:${to.port} does not answer like a proxy of a cluster` +
      (status === 0 ? "" : ` (HTTP status ${status})`),
    hint: "check --proxy",
  });
}
