/** Takes in what services send: nothing enters the log that the catalogue doesn't know. */
import { quickTest, read, SchemaError, v } from "../schema/mod.ts";
import {
  eventEntries,
  type EventName,
  type EventOrigin,
  isEventName,
  mayOriginate,
} from "./catalog.ts";
import { parseObject } from "./chain.ts";

/** Who sent events, as its certificate says. */
export interface Sender {
  /** Id of the host. */
  readonly host: string;
  /** What it is; a host with several roles may send what any of them may. */
  readonly origins: readonly EventOrigin[];
}

/** Fields of an event as JSON gave them. */
export type EventFields = Readonly<Record<string, unknown>>;

export type Admission =
  | { readonly ok: true; readonly event: EventFields }
  | { readonly ok: false; readonly why: string };

type EventSchema = v.GenericSchema<unknown, Record<string, unknown>>;

interface Shape {
  readonly schema: EventSchema;
  readonly isRight: (value: unknown) => boolean;
}

const shapes = new Map<EventName, Shape>();

/**
 * The event in a text of JSON, completed by its context, read into a record of our own, or what is
 * wrong with it.
 */
export function admit(json: string, context: EventFields | null, sender: Sender): Admission {
  const own = parseObject(json);
  if (own === null) return { ok: false, why: "not a JSON object" };
  const parsed = context === null ? own : { ...own, ...context };
  if (context !== null && hasAny(own, context)) {
    return { ok: false, why: "a field is in the event and in its context" };
  }
  const { event: name } = parsed;
  if (typeof name !== "string" || !isEventName(name)) return { ok: false, why: "no such event" };
  if (!sender.origins.some((origin) => mayOriginate(name, origin))) {
    return { ok: false, why: `${name} is not for ${sender.origins.join(", ")} to report` };
  }
  const { schema, isRight } = shapeOf(name);
  if (isRight(parsed)) return { ok: true, event: parsed };
  try {
    return { ok: true, event: read(schema, parsed, name) };
  } catch (thrown) {
    if (!(thrown instanceof SchemaError)) throw thrown;
    return { ok: false, why: thrown.message.slice(0, 1000) };
  }
}

function shapeOf(name: EventName): Shape {
  const known = shapes.get(name);
  if (known !== undefined) return known;
  const schema: EventSchema = v.strictObject(eventEntries(name));
  const made = { schema, isRight: quickTest(schema) ?? (() => false) };
  shapes.set(name, made);
  return made;
}

function hasAny(own: EventFields, context: EventFields): boolean {
  for (const name of Object.keys(context)) if (Object.hasOwn(own, name)) return true;
  return false;
}
