/** The Auth Service without its sockets: every call of the contract over what it is handed. */
import { presetRoles } from "../access/mod.ts";
import { authClient } from "../api/client.ts";
import { type AuthClient, type CallOutput, type CallRequest, contract } from "../api/contract.ts";
import { inProcess } from "../api/in_process.ts";
import {
  type ApiRequest,
  type ApiResponse,
  apiServer,
  type CallHandlers,
  type Context,
  type StreamHandlers,
} from "../api/server.ts";
import { type EventOrigin } from "../audit/catalog.ts";
import type { EpochMs } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { HostIdentity, UserIdentity } from "../core/identity.ts";
import { type Lockout, lockout } from "../identity/local/lockout.ts";
import { read } from "../schema/mod.ts";
import { Callers } from "./callers.ts";
import { databaseCertificate, routeCertificate } from "./certificates.ts";
import { databaseServerCertificate } from "./database_servers.ts";
import { listDatabases } from "./databases.ts";
import { createToken, join, renew } from "./joining.ts";
import { passwordLogin } from "./login.ts";
import { type AuthPowers, type Core, denied, encodeJson } from "./powers.ts";
import { agentHeartbeat, proxyHeartbeat, ServedList } from "./presence.ts";
import { getResource, listResources, putResource, removeResource } from "./resource_calls.ts";
import { clusterStatus } from "./status.ts";
import { putOf, ResourceStore } from "./store.ts";
import { trialCertificate } from "./trial_logins.ts";
import { reportTrial, testDatabase, watchTrials } from "./trials.ts";
import { acceptInvite, createUser, readInvite, resetUser } from "./users.ts";
import { watchResources } from "./watching.ts";

export interface Auth {
  /** For the TLS port: callers are who their certificates say. */
  serve(request: ApiRequest): Promise<ApiResponse>;
  /** For the local socket: whoever may open it is the built-in `admin`. */
  serveLocal(request: ApiRequest): Promise<ApiResponse>;
  /** Calls as the built-in `admin` from inside the process. */
  readonly admin: AuthClient;
}

/** Makes the preset roles at the very first start and gives the service. */
export async function createAuth(powers: AuthPowers): Promise<Auth> {
  const store = new ResourceStore(powers.backend);
  const core: Core = { ...powers, store, served: new ServedList() };
  await makePresets(core);
  const callers = new Callers(core);
  const { clock, log, backend } = core;
  const calls = callHandlers(core, callers, lockout(backend, clock));
  const options = {
    calls,
    streams: streamHandlers(core, callers),
    mayCall: (...asked: Parameters<Callers["may"]>) => callers.may(...asked),
    failed: (call: string, _caller: unknown, { kind, code, message }: Fault) => {
      const fields = { call, kind, code, message: message.slice(0, 500) };
      if (kind === "internal" || kind === "unavailable") log.error("a call failed", fields);
      else if (kind !== "cancelled") log.info("a call was refused", fields);
    },
    clock,
  };
  const serveLocal = apiServer({
    ...options,
    authenticate: () => Promise.resolve({ kind: "admin" }),
  });
  return {
    serve: apiServer({
      ...options,
      authenticate: ({ peerChain, remoteAddress }) => callers.prove(peerChain, remoteAddress),
    }),
    serveLocal,
    admin: authClient(inProcess(serveLocal), clock),
  };
}

/** Only once: a preset that was removed stays away. */
async function makePresets({ backend }: Core): Promise<void> {
  const marker = ["setup", "preset_roles"];
  if (await backend.get(marker) !== null) return;
  // Another Auth Service may be quicker; then nothing is left to do.
  await backend.commit({
    checks: [{ key: marker, revision: null }],
    puts: [{ key: marker, value: encodeJson(1) }, ...presetRoles().map(putOf)],
  });
}

function callHandlers(core: Core, callers: Callers, lockouts: Lockout): CallHandlers {
  const { audit, events } = core;
  const login = passwordLogin(core, callers, lockouts);
  return {
    "join": (input, context) => join(core, input, context),
    "renew": (input, context) => renew(core, hostOf(context), input, context),
    "agents.heartbeat": (input, context) => agentHeartbeat(core, hostOf(context), input),
    "proxies.heartbeat": (input, context) => proxyHeartbeat(core, hostOf(context), input),
    "certificates.database": (input, context) =>
      databaseCertificate(core, callers, hostOf(context), input),
    "certificates.database_server": (input, context) =>
      databaseServerCertificate(core, input, context),
    "certificates.trial": (input, context) =>
      trialCertificate(core, callers, hostOf(context), input),
    "trials.report": (input, context) => reportTrial(core, hostOf(context), input),
    "certificates.route": (input, context) =>
      routeCertificate(core, callers, loginOf(context), input, context),
    "login.password": (input) => login(input),
    "invites.read": (input) => readInvite(core, input),
    "invites.accept": (input) => acceptInvite(core, lockouts, input),
    "status": (_input, context) => Promise.resolve(whoAmI(core, context)),
    "databases.list": (_input, context) => listDatabases(core, callers, loginOf(context).identity),
    "audit.append": (input, context) => appendEvents(core, hostOf(context), input),
    "audit.search": async (input, { signal }) => {
      const { events: found, cursor } = await events.search(input, signal);
      return { events: [...found], cursor };
    },
    "audit.head": async () => {
      const head = await audit.head();
      return { heads: head === null ? [] : [head] };
    },
    "cluster.status": () => clusterStatus(core),
    "resources.list": (input) => listResources(core, input),
    "resources.get": (input) => getResource(core, input),
    "resources.put": (input, context) => putResource(core, input, context),
    "resources.remove": (input, context) => removeResource(core, input, context),
    "users.create": (input, context) => createUser(core, input, context),
    "users.reset": (input, context) => resetUser(core, input, context),
    "tokens.create": (input, context) => createToken(core, input, context),
  };
}

function streamHandlers(core: Core, callers: Callers): StreamHandlers {
  return {
    "watch": (input, { signal }) => watchResources(core, input, signal),
    "audit.tail": (input, { signal }) => tailEvents(core, input, signal),
    "databases.test": (input, context) => testDatabase(core, callers, input, context),
    "trials.watch": (_input, context) => watchTrials(core, hostOf(context), context.signal),
  };
}

async function* tailEvents(
  { events }: Core,
  input: CallRequest<"audit.tail">,
  signal: AbortSignal,
): AsyncGenerator<CallOutput<"audit.tail">> {
  for await (const line of events.tail(input, signal)) {
    yield read(contract["audit.tail"].output, JSON.parse(line), "stored event");
  }
}

/** The sender is who its certificate says, whatever the events say. */
function appendEvents(
  { audit }: Core,
  { host, systemRoles }: HostIdentity,
  batch: CallRequest<"audit.append">,
): Promise<CallOutput<"audit.append">> {
  const origins: readonly EventOrigin[] = systemRoles;
  return audit.append({ host, origins }, batch);
}

function whoAmI({ cluster }: Core, context: Context): CallOutput<"status"> {
  const { identity: { user, roles } } = userOf(context);
  return { cluster, user, roles: [...roles] };
}

interface UserCaller {
  readonly identity: UserIdentity;
  readonly expires: EpochMs;
}

function userOf({ caller }: Context): UserCaller {
  if (caller.kind === "user") return caller;
  throw new Fault({ kind: "denied", code: "auth.no-user", message: "the caller is no user" });
}

/**
 * A user with a certificate of a login: one for a database opens that database and nothing else.
 */
function loginOf(context: Context): UserCaller {
  const user = userOf(context);
  if (user.identity.route === undefined) return user;
  throw denied(
    "auth.route-certificate",
    "this certificate is for one database and can't be used for anything else",
    "use the certificate of your login: tsh login",
  );
}

function hostOf({ caller }: Context): HostIdentity {
  if (caller.kind === "host") return caller.identity;
  throw new Fault({ kind: "denied", code: "auth.no-host", message: "the caller is no host" });
}
