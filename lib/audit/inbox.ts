/** Takes in what services send: nothing enters the log that the catalogue doesn't know. */
import { read, SchemaError, v } from "../schema/mod.ts";
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

export type Admission =
  | { readonly ok: true; readonly event: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly why: string };

const schemas = new Map<EventName, v.GenericSchema<unknown, Record<string, unknown>>>();

/** The event in a text of JSON, read into a record of our own, or what is wrong with it. */
export function admit(json: string, sender: Sender): Admission {
  const parsed = parseObject(json);
  if (parsed === null) return { ok: false, why: "not a JSON object" };
  const { event: name } = parsed;
  if (typeof name !== "string" || !isEventName(name)) return { ok: false, why: "no such event" };
  if (!sender.origins.some((origin) => mayOriginate(name, origin))) {
    return { ok: false, why: `${name} is not for ${sender.origins.join(", ")} to report` };
  }
  try {
    return { ok: true, event: read(schemaOf(name), parsed, name) };
  } catch (thrown) {
    if (!(thrown instanceof SchemaError)) throw thrown;
    return { ok: false, why: thrown.message.slice(0, 1000) };
  }
}

function schemaOf(name: EventName): v.GenericSchema<unknown, Record<string, unknown>> {
  const known = schemas.get(name);
  if (known !== undefined) return known;
  const made = v.strictObject(eventEntries(name));
  schemas.set(name, made);
  return made;
}
