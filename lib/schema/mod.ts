/**
 * The one door to the schema library. Untyped data (configuration, API, resources, events) crosses
 * into the program through `read` with a schema built from `v`; nothing else imports the library.
 */
import * as v from "valibot";
import { toJsonSchema } from "@valibot/to-json-schema";

export { v };
export { quickTest } from "./quick.ts";

/** A schema whose output type is `T`. */
export type Schema<T> = v.GenericSchema<unknown, T>;
export type Output<S extends v.GenericSchema> = v.InferOutput<S>;

/**
 * One thing that is wrong with an input; `path` is dotted, `found` never holds the value itself.
 */
export interface SchemaIssue {
  readonly path: string;
  readonly expected: string;
  readonly found: string;
}

/** All that is wrong with an input, at once. Messages name fields, never values. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
  readonly issues: readonly SchemaIssue[];

  constructor(what: string, issues: readonly SchemaIssue[]) {
    super(
      `${what}: ` +
        issues.map(wordsOf).join("; "),
    );
    this.issues = issues;
  }
}

function wordsOf({ path, expected, found }: SchemaIssue): string {
  // Of a key that isn't there the library knows nothing but its name.
  const isAbsent = found === "missing" && expected === JSON.stringify(path.split(".").at(-1));
  return isAbsent ? `${path} is missing` : `${path || "value"} should be ${expected}, is ${found}`;
}

/**
 * Reads untrusted data into a typed record of our own, or throws {@linkcode SchemaError} with every
 * issue.
 */
export function read<const S extends v.GenericSchema>(
  schema: S,
  input: unknown,
  what: string,
): v.InferOutput<S> {
  const result = v.safeParse(schema, input);
  if (result.success) return result.output;
  throw new SchemaError(what, result.issues.map(describeIssue));
}

function describeIssue(issue: v.BaseIssue<unknown>): SchemaIssue {
  const path = (issue.path ?? []).map((part) => String(part.key)).join(".");
  const input = issue.input;
  const found = input === undefined
    ? "missing"
    : input === null
    ? "null"
    : Array.isArray(input)
    ? "a list"
    : typeof input === "object"
    ? "a mapping"
    : `a ${typeof input}`;
  return { path, expected: expectedBy(issue), found };
}

/** The words that a schema chose for what it wants, else the library's. */
function expectedBy({ message, expected }: v.BaseIssue<unknown>): string {
  return message.startsWith("Invalid ") ? expected ?? message : message;
}

/**
 * The JSON Schema (draft 2020-12) of a schema; what JSON Schema can't say (transforms) is left out.
 */
export function jsonSchema(schema: v.GenericSchema): Record<string, unknown> {
  return { ...toJsonSchema(schema, { errorMode: "ignore" }) };
}
