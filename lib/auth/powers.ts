/** What the Auth Service is handed, and the small things that all its calls share. */
import type { CodeOf } from "../core/codes.ts";
import type { ProvenCaller } from "../api/server.ts";
import type { ReceivedBatch } from "../audit/audit_log.ts";
import type { EventFields, EventName } from "../audit/catalog.ts";
import type { Sender } from "../audit/inbox.ts";
import type { AuditQuery, SearchPage, SearchQuery } from "../audit/search.ts";
import type { Backend } from "../core/backend.ts";
import type { Clock, EpochMs } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { Log } from "../core/log.ts";
import type { Random } from "../core/random.ts";
import type { Passwords } from "../identity/local/password.ts";
import type { Authorities } from "./authorities.ts";
import type { ServedList } from "./presence.ts";
import type { ResourceStore } from "./store.ts";

/** The log that Auth writes and takes events into. */
export interface AuditRecorder {
  /** The last stored line; its `seq` counts the events. */
  readonly end: { readonly seq: number };
  /** Resolves once the event is fsynced. */
  report<N extends EventName>(name: N, fields: EventFields<N>): Promise<void>;
  append(sender: Sender, batch: ReceivedBatch): Promise<{ readonly high: number }>;
  /** A signed head over all that is stored now; null for an empty log. */
  head(): Promise<string | null>;
}

/** Questions over the audit log. */
export interface AuditReader {
  search(query: SearchQuery, signal: AbortSignal): Promise<SearchPage>;
  /** Lines as stored, from now on, that the query means. */
  tail(query: AuditQuery, signal: AbortSignal): AsyncIterable<string>;
}

export interface AuthPowers {
  readonly backend: Backend;
  readonly authorities: Authorities;
  readonly audit: AuditRecorder;
  readonly events: AuditReader;
  readonly passwords: Passwords;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly cluster: string;
  /** Id of this Auth Service's host; the `issuer` in identities. */
  readonly host: string;
  readonly version: string;
}

/** The powers with the store over their backend. */
export interface Core extends AuthPowers {
  readonly store: ResourceStore;
  /** What agents serve, as their heartbeats told. */
  readonly served: ServedList;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** A record as the backend keeps it. */
export function encodeJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/** What was kept, yet to be read by a schema. */
export function decodeJson(bytes: Uint8Array): unknown {
  const json: unknown = JSON.parse(decoder.decode(bytes));
  return json;
}

/** The fields of an event that say who did it. */
export interface Who {
  readonly user: string;
  readonly user_kind?: 1 | 2 | 3;
  readonly user_roles?: readonly string[];
  readonly login_session?: string;
  readonly "addr.remote"?: string;
}

/** Who calls, for events. */
export function whoOf(caller: ProvenCaller, remoteAddress: string): Who {
  const address = remoteAddress === "" ? {} : { "addr.remote": remoteAddress.slice(0, 128) };
  if (caller.kind === "admin") return { user: "admin", user_kind: 3, ...address };
  if (caller.kind !== "user") return { user: "", ...address };
  const { user, kind, roles, session } = caller.identity;
  return {
    user,
    user_kind: kind === "human" ? 1 : 2,
    user_roles: roles.slice(0, 256),
    login_session: session,
    ...address,
  };
}

/** A name for `created_by` and the like. */
export function nameOf(caller: ProvenCaller): string {
  return whoOf(caller, "").user;
}

/** The address in `host:port`, as it stands in identities. */
export function addressOnly(remote: string): string {
  return remote.replace(/:\d{1,5}$/, "").replace(/^\[(.*)\]$/, "$1").slice(0, 64);
}

/** Never later than this moment. */
export function capped(wanted: EpochMs, ...limits: readonly EpochMs[]): EpochMs {
  return Math.min(wanted, ...limits);
}

/** How an attempt that lost every race ends. */
export function contended(what: string): Fault {
  return new Fault({
    kind: "conflict",
    code: "auth.contended",
    message: `${what} is being changed all the time`,
  });
}

export function notFound(kind: string, name: string): Fault {
  return new Fault({
    kind: "missing",
    code: "auth.not-found",
    message: `no ${kind} ${name}`,
    shown: `there is no ${kind} ${JSON.stringify(name)}`,
    hint: `list what there is with: remoteler get ${kind}`,
  });
}

export function invalid(code: CodeOf<"auth">, shown: string, hint?: string): Fault {
  const words = { kind: "invalid", code, message: shown, shown } as const;
  return new Fault(hint === undefined ? words : { ...words, hint });
}

export function denied(code: CodeOf<"auth">, shown: string, hint?: string): Fault {
  const words = { kind: "denied", code, message: shown, shown } as const;
  return new Fault(hint === undefined ? words : { ...words, hint });
}
