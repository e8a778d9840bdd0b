/**
 * Makes an event fit to be recorded: secrets out, over-long words cut to what the catalogue allows,
 * over-long statements split into linked parts. Statement text, parameters and results are never
 * cut.
 */
import type { v } from "../schema/mod.ts";
import {
  type AuditEvent,
  catalog,
  type QueryEvent,
  type SessionFields,
  type StatementEvent,
} from "./catalog.ts";
import { partBytesMax } from "./catalog_db.ts";
import { databaseFields, whoFields } from "./catalog_fields.ts";
import { redact, redactParameters, redactStatement } from "./redact.ts";

type Parameters = NonNullable<QueryEvent["db_query_parameters"]>;
type Results = NonNullable<QueryEvent["results"]>;
type Commands = NonNullable<QueryEvent["commands"]>;

/** The event, or its parts: the first has the event's uid, the others that uid with `.1`, `.2`. */
export function prepare(event: AuditEvent): readonly AuditEvent[] {
  const fitted = fit(event, limits.get(event.event));
  if (fitted.event === "db.session.query") return splitQuery(fitted, fitted.db_protocol);
  if (fitted.event !== "db.session.query.failed") return [fitted];
  const clean = redact(fitted.db_query, fitted.db_protocol);
  return linked(splitText(clean), (db_query) => ({ ...fitted, db_query }));
}

/** The same for a statement's own part of its event; the context has the rest. */
export function prepareStatement(
  event: StatementEvent,
  { db_protocol }: Pick<SessionFields, "db_protocol">,
): readonly StatementEvent[] {
  return splitQuery(fit(event, statementLimits), db_protocol);
}

/** The same for what the events of a session have in common. */
export function fitFields(fields: SessionFields): SessionFields {
  return cutTo(fields, limits.get("db.session.query"));
}

function splitQuery<E extends StatementEvent>(
  given: E,
  protocol: string | undefined,
): readonly E[] {
  // A piece of a text that came in pieces: it was redacted as it came.
  if (given.part !== undefined) return [given];
  const event = withoutSecrets(given, protocol);
  if (estimate(event) <= partBytesMax) return [event];
  const texts = splitText(event.db_query).map((db_query) => ({ ...bare(event), db_query }));
  const more = [
    ...groups(event.db_query_parameters ?? [], parameterBytes).map(
      (db_query_parameters: Parameters) => ({ ...bare(event), db_query_parameters }),
    ),
    ...groups(event.results ?? [], resultBytes).map((results: Results) => ({
      ...bare(event),
      results,
    })),
    ...groups(event.commands ?? [], commandBytes).map((commands: Commands) => ({
      ...bare(event),
      commands,
    })),
  ];
  return linked([...texts, ...more], (part) => part);
}

function withoutSecrets<E extends StatementEvent>(event: E, protocol: string | undefined): E {
  const { db_query, db_query_parameters: given = [], full_text } = event;
  // Of commands it is known where their secrets are: they come without.
  if (event.commands !== undefined) return event;
  // The beginning of a text that came in pieces is clean; the whole is not at hand.
  const { text, secrets, marks } = redactStatement(
    full_text === undefined ? db_query : "",
    protocol,
  );
  const clean = full_text === undefined ? text : db_query;
  const parameters = given.length === 0
    ? given
    : redactParameters(given, secrets, protocol === "mysql" ? marks : 0);
  if (clean === db_query && parameters === given) return event;
  return { ...event, db_query: clean, db_query_parameters: parameters };
}

/** What all parts of a split statement have in common. */
function bare<E extends StatementEvent>(event: E): E {
  const rest = { ...event, db_query: "", db_query_parameters: [], results: [] };
  return event.commands === undefined ? rest : { ...rest, commands: [] };
}

function estimate(event: StatementEvent): number {
  let bytes = event.db_query.length * 3;
  if (bytes > partBytesMax) bytes = encoder.encode(event.db_query).length;
  for (const parameter of event.db_query_parameters ?? []) bytes += parameterBytes(parameter);
  for (const result of event.results ?? []) bytes += resultBytes(result);
  for (const command of event.commands ?? []) bytes += commandBytes(command);
  return bytes;
}

function parameterBytes(parameter: Parameters[number]): number {
  return 160 + parameter.type.length + (parameter.value?.length ?? 0) * 3;
}

function resultBytes(result: Results[number]): number {
  return 40 + result.tag.length * 3;
}

function commandBytes({ args, cut = [], error = "" }: Commands[number]): number {
  let bytes = 120 + cut.length * 120 + error.length * 3;
  for (const argument of args) bytes += 4 + argument.length * 3;
  return bytes;
}

function groups<T>(items: readonly T[], bytes: (item: T) => number): readonly (readonly T[])[] {
  const made: T[][] = [];
  let room = 0;
  for (const item of items) {
    const last = made.at(-1);
    if (last === undefined || bytes(item) > room) {
      made.push([item]);
      room = partBytesMax - bytes(item);
    } else {
      last.push(item);
      room -= bytes(item);
    }
  }
  return made;
}

function linked<T, E extends AuditEvent | StatementEvent>(
  pieces: readonly T[],
  make: (piece: T) => E,
): readonly E[] {
  const count = pieces.length;
  return pieces.map((piece, index) => {
    const event = make(piece);
    if (count === 1) return event;
    const uid = index === 0 ? event.uid : `${event.uid}.${index}`;
    return { ...event, uid, part: { of: event.uid, index, count } };
  });
}

const sessionFields = { ...whoFields, ...databaseFields };
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Pieces of at most `partBytesMax` bytes of UTF-8 that join to the text; one where it is short. */
export function splitText(text: string): readonly string[] {
  if (text.length * 3 <= partBytesMax) return [text];
  const bytes = encoder.encode(text);
  const pieces: string[] = [];
  let start = 0;
  while (bytes.length - start > partBytesMax) {
    let end = start + partBytesMax;
    while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
    pieces.push(decoder.decode(bytes.subarray(start, end)));
    start = end;
  }
  pieces.push(decoder.decode(bytes.subarray(start)));
  return pieces;
}

/** uid of the statement that a part's uid belongs to. */
export function statementUid(uid: string): string {
  const dot = uid.indexOf(".");
  return dot < 0 ? uid : uid.slice(0, dot);
}

const uncut = new Set(["db_query", "payload"]);
type TextLimits = readonly (readonly [field: string, max: number])[];
const limits = new Map<string, TextLimits>(
  Object.keys(catalog).map((name) => [name, textLimits(name)]),
);
const statementLimits = (limits.get("db.session.query") ?? [])
  .filter(([field]) => !Object.hasOwn(sessionFields, field));

/** Cuts words that peers choose (error messages, program names) to the catalogue's lengths. */
function fit<E extends AuditEvent | StatementEvent>(event: E, to: TextLimits = []): E {
  const fitted = cutTo(event, to);
  if (!("error" in fitted) || !fitted.error) return fitted;
  const { code, message, severity } = fitted.error;
  if (code.length <= 64 && message.length <= 8192 && (severity ?? "").length <= 32) return fitted;
  const error = { code: shorten(code, 64), message: shorten(message, 8192) };
  return {
    ...fitted,
    error: severity === undefined ? error : { ...error, severity: shorten(severity, 32) },
  };
}

function cutTo<E extends object>(event: E, to: TextLimits = []): E {
  let cut: Record<string, string> | undefined;
  for (const [field, max] of to) {
    const value: unknown = Reflect.get(event, field);
    if (typeof value !== "string" || value.length <= max) continue;
    cut ??= {};
    cut[field] = shorten(value, max);
  }
  return cut === undefined ? event : { ...event, ...cut };
}

function shorten(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).toWellFormed()}…`;
}

function textLimits(name: string): TextLimits {
  const fields: v.ObjectEntries = Object.hasOwn(catalog, name) ? fieldsOf(name) : {};
  return Object.entries(fields).flatMap(([field, schema]) => {
    const max = uncut.has(field) ? null : maxLength(schema);
    return max === null ? [] : [[field, max] as const];
  });
}

function fieldsOf(name: string): v.ObjectEntries {
  const found = Object.entries(catalog).find(([key]) => key === name);
  return found?.[1].fields ?? {};
}

function maxLength(schema: object): number | null {
  const inner: unknown = Reflect.get(schema, "wrapped");
  if (typeof inner === "object" && inner !== null) return maxLength(inner);
  const pipe: unknown = Reflect.get(schema, "pipe");
  if (Reflect.get(schema, "type") !== "string" || !Array.isArray(pipe)) return null;
  const action = pipe.find((item) => item?.type === "max_length");
  return typeof action?.requirement === "number" ? action.requirement : null;
}
