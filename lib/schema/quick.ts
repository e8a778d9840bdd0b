/**
 * A quick yes or no for schemas that are asked ten thousands of times a second: the library walks a
 * schema anew for each value and makes a copy of it, this turns the schema into functions once. A
 * no, or a schema with a part that isn't known here, is for the library to explain.
 */
import type * as v from "valibot";

/** Whether a value is as its schema says; for what JSON can hold. */
export type Test = (value: unknown) => boolean;

/** The test of a schema; null where it has a part that isn't known here. */
export function quickTest(schema: v.GenericSchema): Test | null {
  const make = kinds.get(schema.type);
  const made = make?.(schema) ?? null;
  const pipe = field(schema, "pipe");
  if (made === null || pipe === undefined) return made;
  if (!Array.isArray(pipe)) return null;
  // The first of a pipe is the schema itself.
  return all([made, ...pipe.slice(1).map(actionTest)]);
}

type Make = (schema: object) => Test | null;

const kinds: ReadonlyMap<string, Make> = new Map<string, Make>([
  ["string", () => (value) => typeof value === "string"],
  ["number", () => (value) => typeof value === "number" && !Number.isNaN(value)],
  ["boolean", () => (value) => typeof value === "boolean"],
  ["literal", (schema) => {
    const literal = field(schema, "literal");
    return (value) => value === literal;
  }],
  ["picklist", (schema) => {
    const options = field(schema, "options");
    return Array.isArray(options) ? (value) => options.includes(value) : null;
  }],
  ["nullable", (schema) => orElse(schema, null)],
  ["optional", (schema) => orElse(schema, undefined)],
  ["array", (schema) => {
    const item = testOf(schema, "item");
    return item === null ? null : (value) => Array.isArray(value) && value.every(item);
  }],
  ["record", (schema) => {
    const [key, item] = [testOf(schema, "key"), testOf(schema, "value")];
    if (key === null || item === null) return null;
    return (value) =>
      isMapping(value) && Object.entries(value).every(([name, of]) => key(name) && item(of));
  }],
  ["strict_object", (schema) => strictObject(field(schema, "entries"))],
]);

/** Nothing but the entries, and none of those missing that has to be there. */
function strictObject(entries: unknown): Test | null {
  if (!isMapping(entries)) return null;
  const tests = new Map<string, Test>();
  const needed: string[] = [];
  for (const [name, schema] of Object.entries(entries)) {
    const test = isSchema(schema) ? quickTest(schema) : null;
    if (test === null) return null;
    tests.set(name, test);
    if (!(isSchema(schema) && schema.type === "optional") && !test(undefined)) needed.push(name);
  }
  return (value) => {
    if (!isMapping(value)) return false;
    for (const name of needed) if (!Object.hasOwn(value, name)) return false;
    for (const name of Object.keys(value)) {
      if (tests.get(name)?.(value[name]) !== true) return false;
    }
    return true;
  };
}

/** Checks of the library by their names; one that only describes is always true. */
function actionTest(action: unknown): Test | null {
  if (typeof action !== "object" || action === null) return null;
  if (field(action, "kind") === "metadata") return () => true;
  if (isSchema(action)) return quickTest(action);
  const requirement = field(action, "requirement");
  switch (field(action, "type")) {
    case "safe_integer":
      return Number.isSafeInteger;
    case "finite":
      return Number.isFinite;
    case "check":
      return typeof requirement === "function" ? (value) => Boolean(requirement(value)) : null;
    case "regex":
      return requirement instanceof RegExp ? (value) => requirement.test(String(value)) : null;
  }
  if (typeof requirement !== "number") return null;
  switch (field(action, "type")) {
    case "min_value":
      return (value) => typeof value === "number" && value >= requirement;
    case "max_value":
      return (value) => typeof value === "number" && value <= requirement;
    case "min_length":
      return (value) => lengthOf(value) >= requirement;
    case "max_length":
      return (value) => lengthOf(value) <= requirement;
  }
  return null;
}

function lengthOf(value: unknown): number {
  return typeof value === "string" || Array.isArray(value) ? value.length : NaN;
}

function orElse(schema: object, other: null | undefined): Test | null {
  const wrapped = testOf(schema, "wrapped");
  return wrapped === null ? null : (value) => value === other || wrapped(value);
}

function testOf(schema: object, name: string): Test | null {
  const inner = field(schema, name);
  return isSchema(inner) ? quickTest(inner) : null;
}

function all(tests: readonly (Test | null)[]): Test | null {
  const known = tests.filter((test) => test !== null);
  if (known.length < tests.length) return null;
  const [first = () => true, second] = known;
  if (known.length === 1) return first;
  if (known.length === 2 && second !== undefined) return (value) => first(value) && second(value);
  return (value) => known.every((test) => test(value));
}

function field(of: object, name: string): unknown {
  return Reflect.get(of, name);
}

function isSchema(value: unknown): value is v.GenericSchema {
  return typeof value === "object" && value !== null && field(value, "kind") === "schema";
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
