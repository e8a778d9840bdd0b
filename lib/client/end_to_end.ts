/**
 * The way to a database that no proxy can read: the ClientHello names it, the proxy passes TLS on
 * unread, and whoever ends it has to be a Database Service that may serve it.
 */
import { mayServe } from "../access/mod.ts";
import { asFault, Fault } from "../core/fault.ts";
import type { HostIdentity } from "../core/identity.ts";
import { serverNameOf } from "../core/server_name.ts";
import type { ByteStream } from "../core/stream.ts";
import type { ClientTlsOptions } from "../sys/tls.ts";
import { hostVerifier, reachable } from "./cluster.ts";
import type { ClientPowers } from "./powers.ts";
import { type Login, readProxyAddress, type Route } from "./profile.ts";

/** An agent that died without a word is noticed after 9 s; the next one is asked then. */
const handshakeTimeoutMs = 15_000;

/** Faults: `client.wrong-agent`, `client.no-agent`, and those of the way to the proxy. */
export async function dialAgent(
  { login, route }: { readonly login: Login; readonly route: Route },
  options: Pick<ClientTlsOptions, "keyPair" | "alpn" | "signal">,
  powers: ClientPowers,
): Promise<ByteStream> {
  const to = readProxyAddress(login.proxy);
  const { service } = route;
  const serverName = serverNameOf(service, login.cluster);
  if (serverName === null) throw nameTooLong(service);
  const verify = agentVerifier(login, route, powers);
  return await reachable(to, async () => {
    try {
      const all = {
        ...options,
        serverName,
        minVersion: "TLSv1.3",
        verify,
        handshakeTimeoutMs,
      } as const;
      return await powers.network.connectTls(to, all);
    } catch (thrown) {
      throw afterAlert(asFault(thrown), service);
    }
  });
}

/**
 * Says what is wrong with the other end: a host of kind db, with a certificate that allows it to
 * serve this database as Auth described it when the route was made.
 */
function agentVerifier(
  login: Login,
  { service, labels }: Route,
  powers: Pick<ClientPowers, "clock">,
): (chain: readonly Uint8Array[]) => Fault | null {
  const allowed = (identity: HostIdentity) =>
    mayServe(identity, { name: service, labels }) ? null : "it may not serve this database";
  const check = hostVerifier(login, "db", powers, allowed);
  return (chain) => {
    const cause = check(chain);
    return cause === null ? null : new Fault({
      kind: "unauthenticated",
      code: "client.wrong-agent",
      message: `what answers is not the Database Service of ${service}: ${cause.message}`,
      hint: "something stands between that could read along, and was told nothing; " +
        `where labels were changed: tsh db login ${service}`,
      cause,
    });
  };
}

/** What a proxy can say to a ClientHello; anything else is as it was. */
function afterAlert(fault: Fault, service: string): Fault {
  const alert = fault.fields["alert"];
  if (alert !== "unrecognized_name" && alert !== "internal_error") return fault;
  const isUnknown = alert === "unrecognized_name";
  return new Fault({
    kind: "unavailable",
    code: "client.no-agent",
    message: isUnknown
      ? `no connected Database Service serves ${service}`
      : `no Database Service of ${service} takes a session at the moment`,
    hint: isUnknown
      ? "`tsh db ls` shows the databases there are and which are online"
      : "try again in a moment; `tsh doctor` tries every step",
    cause: fault,
  });
}

function nameTooLong(service: string): Fault {
  return new Fault({
    kind: "invalid",
    code: "client.no-server-name",
    message: `the name ${service} is too long for end to end`,
    hint: "an administrator can give the database a name of letters, digits and - up to 63",
  });
}
