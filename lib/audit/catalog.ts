/**
 * The audit vocabulary. Types, validation, docs/audit.schema.json and docs/audit-events.md all come
 * from here. Names and codes are those that rules in the field already know; own ones are TAGxx,
 * TAUxx, TDB20 to TDB22 and T1020.
 */
import { v } from "../schema/mod.ts";
import { accessEvents, auditEvents, serviceEvents, testEvents } from "./catalog_cluster.ts";
import { databaseEvents } from "./catalog_db.ts";
import { databaseFields, stampedByAuth, stampFields, whoFields } from "./catalog_fields.ts";

export const catalog = {
  ...databaseEvents,
  ...accessEvents,
  ...testEvents,
  ...serviceEvents,
  ...auditEvents,
} as const satisfies Readonly<Record<string, EventDefinition>>;

/** Which services may report an event. */
export type EventOrigin = "auth" | "proxy" | "db";

export interface EventDefinition {
  /** `failed` is used where the event says `success: false`. */
  readonly codes: { readonly ok: string; readonly failed?: string };
  readonly from: readonly EventOrigin[];
  readonly about: string;
  readonly fields: v.ObjectEntries;
}

export type EventName = keyof typeof catalog;
/** The own fields of an event, without its stamp. */
export type EventFields<N extends EventName> = FieldsOf<(typeof catalog)[N]["fields"]>;

type FieldsOf<E extends v.ObjectEntries> =
  & {
    readonly [K in keyof E as MayLack<E[K]> extends true ? never : K]: Frozen<v.InferOutput<E[K]>>;
  }
  & {
    readonly [K in keyof E as MayLack<E[K]> extends true ? K : never]?: Frozen<v.InferOutput<E[K]>>;
  };
type Frozen<T> = T extends readonly (infer U)[] ? readonly Frozen<U>[]
  : T extends object ? { readonly [K in keyof T]: Frozen<T[K]> }
  : T;
type MayLack<S extends v.GenericSchema> = undefined extends v.InferOutput<S> ? true : false;

/** What its author gives an event beside its own fields. */
export interface EventStamp {
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  /** A UUID; a statement's result has the one of its intent. */
  readonly uid: string;
  /** Order in the session, from 0; 0 outside sessions. */
  readonly ei: number;
}

export type EventOf<N extends EventName> =
  & { readonly event: N; readonly code: string; readonly namespace: "default" }
  & EventStamp
  & EventFields<N>;
export type AuditEvent = { [N in EventName]: EventOf<N> }[EventName];
export type QueryEvent = EventOf<"db.session.query">;

type SessionField = keyof typeof whoFields | keyof typeof databaseFields;
/** What all statements of a session have in common. */
export type SessionFields = Pick<QueryEvent, SessionField>;
/** A statement's event without what its session says. */
export type StatementEvent = Omit<QueryEvent, SessionField>;
export type StatementFields = Omit<EventFields<"db.session.query">, SessionField>;

/** An event with its code: the failed one where `fields.success` is false and the event has one. */
export function newEvent<N extends EventName>(
  name: N,
  stamp: EventStamp,
  fields: EventFields<N>,
): EventOf<N> {
  const definition: EventDefinition = catalog[name];
  const failed = "success" in fields && fields.success === false;
  const code = failed ? definition.codes.failed ?? definition.codes.ok : definition.codes.ok;
  const { time, uid, ei } = stamp;
  return { event: name, code, time, uid, ei, namespace: "default", ...fields };
}

/** A statement's own part of its event. */
export function newStatement(
  { time, uid, ei }: EventStamp,
  fields: StatementFields,
): StatementEvent {
  const code = catalog["db.session.query"].codes.ok;
  return { event: "db.session.query", code, time, uid, ei, namespace: "default", ...fields };
}

export function isEventName(name: string): name is EventName {
  return Object.hasOwn(catalog, name);
}

/** Whether a service of this kind may report the event. */
export function mayOriginate(name: EventName, origin: EventOrigin): boolean {
  const from: readonly EventOrigin[] = catalog[name].from;
  return from.includes(origin);
}

/** The whole shape of an event as a service sends it, for validation and for the JSON Schema. */
export function eventEntries(name: EventName): v.ObjectEntries {
  const definition: EventDefinition = catalog[name];
  const codes = Object.values(definition.codes);
  return {
    event: v.literal(name),
    code: v.picklist(codes),
    ...stampFields,
    ...stampedByAuth,
    ...definition.fields,
  };
}
