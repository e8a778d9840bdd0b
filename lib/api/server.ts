/** Auth's side of the contract: requests in, checked and typed calls to handlers, answers out. */
import type { Clock } from "../core/clock.ts";
import { Fault, httpStatuses } from "../core/fault.ts";
import type { HostIdentity, UserIdentity } from "../core/identity.ts";
import { read } from "../schema/mod.ts";
import { parseBody } from "./body.ts";
import {
  type Caller,
  type CallName,
  type CallOutput,
  type CallRequest,
  contract,
  type StreamCall,
} from "./contract.ts";
import { failureOf, faultOfThrown } from "./failure.ts";
import { ndjson } from "./lines.ts";

/** A request as the HTTP server gives it. */
export interface ApiRequest {
  readonly method: string;
  /** Path alone, without a query. */
  readonly path: string;
  /** `host:port` of the peer. */
  readonly remoteAddress: string;
  /** The client's certificates as DER, the leaf first; empty where it showed none. */
  readonly peerChain: readonly Uint8Array[];
  /** Aborts when the peer is gone. */
  readonly signal: AbortSignal;
  /** The whole body; a fault of kind `limit` where it is longer. */
  readBody(maxBytes: number): Promise<Uint8Array>;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Whole, or in pieces until they end or the peer is gone. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
}

/** Who calls, proven. `admin` is whoever may open the local socket. */
export type ProvenCaller =
  | { readonly kind: "admin" }
  | { readonly kind: "nobody" }
  | {
    readonly kind: "host";
    readonly identity: HostIdentity;
    /** When its certificate ends, ms since the epoch. */
    readonly expires: number;
  }
  | {
    readonly kind: "user";
    readonly identity: UserIdentity;
    readonly expires: number;
  };

/** What a handler may know of its call. */
export interface Context {
  readonly caller: ProvenCaller;
  readonly remoteAddress: string;
  readonly signal: AbortSignal;
}

export type PlainCall = Exclude<CallName, StreamCall>;
export type CallHandlers = {
  readonly [N in PlainCall]: (input: CallRequest<N>, context: Context) => Promise<CallOutput<N>>;
};
export type StreamHandlers = {
  readonly [N in StreamCall]: (
    input: CallRequest<N>,
    context: Context,
  ) => AsyncIterable<CallOutput<N>>;
};

export type CallVerb = Extract<Caller, { readonly verb: string }>["verb"];

export interface ApiServerOptions {
  readonly calls: CallHandlers;
  readonly streams: StreamHandlers;
  /**
   * Who is behind these certificates, on the TLS port or (`local`) the socket; a fault where
   * nobody in force.
   */
  readonly authenticate: (request: ApiRequest) => Promise<ProvenCaller>;
  /** Whether the roles of a user allow a verb on a kind of resource. Asked for users only. */
  readonly mayCall: (identity: UserIdentity, verb: CallVerb, on: string) => Promise<boolean>;
  /**
   * Told of every failure, for the log and the audit; `caller` is null where it wasn't known yet.
   */
  readonly failed: (call: string, caller: ProvenCaller | null, fault: Fault) => void;
  readonly clock: Clock;
}

const bodyLimit = 2 << 20;
const bodyLimits: Readonly<Record<string, number>> = { "audit.append": 16 << 20 };
const encoder = new TextEncoder();

/** One call made ready: who may, and what to run. */
interface Route {
  readonly who: Caller;
  readonly plain?: (input: unknown, context: Context) => Promise<unknown>;
  readonly stream?: (input: unknown, context: Context) => AsyncIterable<unknown>;
}

/** Answers requests for `POST /v1/<call>`. Never throws. */
export function apiServer(
  options: ApiServerOptions,
): (request: ApiRequest) => Promise<ApiResponse> {
  const routes = new Map<string, Route>();
  for (const name of plainCalls) routes.set(name, plainRoute(name, options.calls));
  for (const name of streamCalls) routes.set(name, streamRoute(name, options.streams));
  return async (request) => {
    const name = request.path.startsWith("/v1/") ? request.path.slice(4) : "";
    let caller: ProvenCaller | null = null;
    try {
      const route = request.method === "POST" ? routes.get(name) : undefined;
      if (route === undefined) throw unknownCall(request);
      caller = route.who === "anyone" ? { kind: "nobody" } : await options.authenticate(request);
      checkCaller(route.who, caller);
      const body = await request.readBody(bodyLimits[name] ?? bodyLimit);
      const input = parseBody(name, body);
      await checkRules(route.who, caller, input, options.mayCall);
      const { remoteAddress, signal } = request;
      return await answer(route, input, { caller, remoteAddress, signal }, options, name);
    } catch (thrown) {
      const fault = faultOfThrown(thrown);
      options.failed(name.slice(0, 64), caller, fault);
      return json(httpStatuses[fault.kind], { error: failureOf(fault) });
    }
  };
}

async function answer(
  route: Route,
  input: unknown,
  context: Context,
  options: ApiServerOptions,
  name: string,
): Promise<ApiResponse> {
  if (route.stream === undefined) return json(200, await route.plain?.(input, context));
  const left = new AbortController();
  const signal = AbortSignal.any([context.signal, left.signal]);
  const failed = (thrown: unknown): unknown => {
    const fault = faultOfThrown(thrown);
    options.failed(name, context.caller, fault);
    return { error: failureOf(fault) };
  };
  const items = route.stream(input, { ...context, signal });
  const body = ndjson(items, options.clock, failed, () => left.abort());
  return { status: 200, headers: { "content-type": "application/x-ndjson" }, body };
}

function plainRoute<N extends PlainCall>(name: N, handlers: CallHandlers): Route {
  const { who, input: schema } = contract[name];
  return {
    who,
    plain: (input, context) => handlers[name](read(schema, input, name), context),
  };
}

function streamRoute<N extends StreamCall>(name: N, handlers: StreamHandlers): Route {
  const { who, input: schema } = contract[name];
  return {
    who,
    stream: (input, context) => handlers[name](read(schema, input, name), context),
  };
}

const streamCalls = [
  "watch",
  "audit.tail",
  "databases.test",
  "trials.watch",
] as const satisfies readonly StreamCall[];
const plainCalls: readonly PlainCall[] = Object.keys(contract).filter(isPlain);

function isPlain(name: string): name is PlainCall {
  return Object.hasOwn(contract, name) && !streamCalls.some((stream) => stream === name);
}

/** Whether it is the kind of caller at all, before a body is read. */
function checkCaller(who: Caller, caller: ProvenCaller): void {
  if (who === "anyone") return;
  if (caller.kind === "nobody") throw noCertificate();
  if (typeof who === "string") {
    if (!isOf(who, caller)) throw wrongCaller(who);
  } else if (caller.kind === "host") throw wrongCaller("user");
}

/** Whether a user's roles allow what the input asks for. */
async function checkRules(
  who: Caller,
  caller: ProvenCaller,
  input: unknown,
  mayCall: ApiServerOptions["mayCall"],
): Promise<void> {
  if (typeof who === "string" || caller.kind !== "user") return;
  const { verb, on } = who.on === "$kind" ? onKind(who.verb, input) : who;
  if (caller.identity.route !== undefined || !await mayCall(caller.identity, verb, on)) {
    throw new Fault({
      kind: "denied",
      code: "api.not-allowed",
      message: `roles of ${caller.identity.user} do not allow ${verb} on ${on}`,
      shown: `your roles do not allow you to ${verb} ${on}`,
      hint: `ask for a role with a rule for resource "${on}" and verb "${verb}"`,
    });
  }
}

function isOf(who: Exclude<Caller, object>, caller: ProvenCaller): boolean {
  if (who === "user") return caller.kind === "user";
  if (caller.kind !== "host") return false;
  const { systemRoles } = caller.identity;
  if (who === "host") return true;
  return systemRoles.includes(who === "agent" ? "db" : "proxy");
}

/** `$kind` stands for the kind that the input names; a replacing put is an update. */
function onKind(verb: CallVerb, input: unknown): { readonly verb: CallVerb; readonly on: string } {
  const resource = field(input, "resource");
  const kind = resource === undefined ? field(input, "kind") : field(resource, "kind");
  const replaces = verb === "create" && field(input, "replace") === true;
  return { verb: replaces ? "update" : verb, on: typeof kind === "string" ? kind : "" };
}

function field(of: unknown, name: string): unknown {
  if (typeof of !== "object" || of === null) return undefined;
  return Object.getOwnPropertyDescriptor(of, name)?.value;
}

function json(status: number, value: unknown): ApiResponse {
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  return { status, headers, body: encoder.encode(JSON.stringify(value)) };
}

function unknownCall(request: ApiRequest): Fault {
  const shown = "there is no such call";
  return new Fault({
    kind: "missing",
    code: "api.unknown-call",
    message: `no call for ${request.method.slice(0, 16)} ${
      JSON.stringify(request.path.slice(0, 80))
    }`,
    shown,
    hint: "check that both sides run the same version",
  });
}

function noCertificate(): Fault {
  return new Fault({
    kind: "unauthenticated",
    code: "api.no-certificate",
    message: "the caller showed no certificate",
    shown: "you are not logged in",
    hint: "log in with: tsh login",
  });
}

function wrongCaller(who: string): Fault {
  return new Fault({
    kind: "denied",
    code: "api.wrong-caller",
    message: `only ${who} may make this call`,
    shown: "this certificate may not make this call",
  });
}
