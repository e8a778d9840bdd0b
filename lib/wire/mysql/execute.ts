/** Bodies that carry bound values ("COM_STMT_EXECUTE", "COM_QUERY", "COM_STMT_BULK_EXECUTE"). */
import type { Parameter } from "../protocol.ts";
import type { Script } from "./feeder.ts";
import { limits } from "./limits.ts";
import type { Prepared } from "./names.ts";
import { wireError } from "./packet.ts";
import { type BoundType, byte, form, length, nameOf, shown, typeName, value } from "./values.ts";

/** Statement id, flags, iteration count: the front of an Execute. */
export const EXECUTE_HEAD = 9;
const PARAMETER_COUNT_AVAILABLE = 8;
const SENDS_TYPES = 128;

/** Values of a statement, and those of no statement (query attributes), by name. */
export interface Values {
  readonly parameters: readonly Parameter[];
}

const none: Values = { parameters: [] };

/** Reads an Execute behind its head. `prepared` remembers the types that are told but once. */
export function* readExecute(
  prepared: Prepared | undefined,
  flags: number,
  hasAttributes: boolean,
): Script<Values> {
  if (prepared === undefined) return none;
  const { count: known } = prepared;
  const isCounted = hasAttributes && (known > 0 || (flags & PARAMETER_COUNT_AVAILABLE) !== 0);
  const count = isCounted ? yield* length() : known;
  if (count > limits.parameters) throw wireError("oversize", "Execute", "parameters");
  if (count === 0) return none;
  const nulls = (yield* form((count + 7) >> 3)).rest();
  const names: string[] = [];
  if ((yield* byte()) === 1) {
    prepared.types = yield* readTypes(count, hasAttributes ? names : null);
  }
  const { types, longData } = prepared;
  if (types === null || types.length < count) return none;
  const parameters: Parameter[] = [];
  for (let at = 0; at < count; at++) {
    const type = types[at] ?? unknown;
    const long = longData.get(at);
    const isNull = ((nulls[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
    const parameter = long !== undefined
      ? shown(type, long.taken())
      : shown(type, isNull ? null : yield* value(type));
    parameters.push(at < known ? parameter : attribute(names[at] ?? "", parameter));
  }
  return { parameters };
}

const unknown: BoundType = { code: 0x06, isUnsigned: false };

function* readTypes(count: number, names: string[] | null): Script<BoundType[]> {
  const types: BoundType[] = [];
  for (let at = 0; at < count; at++) {
    const from = yield* form(2);
    types.push({ code: from.u8(), isUnsigned: (from.u8() & 0x80) !== 0 });
    if (names === null) continue;
    names.push(nameOf(yield { count: yield* length() }));
  }
  return types;
}

/** A value beside the statement's own: its name stands with its type. */
function attribute(name: string, parameter: Parameter): Parameter {
  return { ...parameter, type: `attribute ${name}: ${parameter.type}`.slice(0, 128) };
}

/** Reads the attributes that come before the text of a Query. */
export function* readAttributes(): Script<Values> {
  const count = yield* length();
  yield* length();
  if (count > limits.parameters) throw wireError("oversize", "Query", "attributes");
  if (count === 0) return none;
  const nulls = (yield* form((count + 7) >> 3)).rest();
  if ((yield* byte()) !== 1) {
    throw wireError("malformed", "Query", "attributes without types");
  }
  const names: string[] = [];
  const types = yield* readTypes(count, names);
  const parameters: Parameter[] = [];
  for (const [at, type] of types.entries()) {
    const isNull = ((nulls[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
    parameters.push(attribute(names[at] ?? "", shown(type, isNull ? null : yield* value(type))));
  }
  return { parameters };
}

/** Before each value of a bulk execute: whether one follows. */
const indicators: readonly (string | null)[] = [null, "NULL", "DEFAULT", "IGNORE", "IGNORE ROW"];

/** Reads a bulk execute behind statement id and flags: rows of values up to the end. */
export function* readBulk(prepared: Prepared | undefined, flags: number): Script<Values> {
  const count = prepared?.count ?? 0;
  if (prepared === undefined || count === 0) return none;
  if ((flags & SENDS_TYPES) !== 0) prepared.types = yield* readTypes(count, null);
  const { types } = prepared;
  if (types === null || types.length < count) return none;
  const parameters: Parameter[] = [];
  let rows = 0;
  for (;; rows++) {
    for (let at = 0; at < count; at++) {
      const indicator = at === 0 ? yield { count: 1, isForm: true, orEnd: true } : yield one;
      if (indicator === null) {
        return {
          parameters: [...parameters, { type: "rows", value: `${rows}`, encoding: "text" }],
        };
      }
      const isTold = rows < limits.bulkRows && parameters.length < limits.parameters;
      const type = types[at] ?? unknown;
      const parameter = yield* readIndicated(type, indicator.front[0] ?? 0, isTold);
      if (parameter !== null) parameters.push(parameter);
    }
  }
}

const one = { count: 1, isForm: true } as const;

function* readIndicated(
  type: BoundType,
  indicator: number,
  isTold: boolean,
): Script<Parameter | null> {
  const words = indicators[indicator];
  if (words === undefined) throw wireError("malformed", "BulkExecute", `indicator ${indicator}`);
  const taken = words === null ? yield* value(type) : null;
  if (!isTold) return null;
  if (words === null) return shown(type, taken);
  if (words === "NULL") return shown(type, null);
  return { type: `${typeName(type)}, ${words}`, value: null, encoding: "text" };
}
