/** How failures travel: a fault becomes `apiError` on one side and a fault again on the other. */
import { codes } from "../core/codes.ts";
import { asFault, Fault, type FaultCode, type FaultKind, httpStatuses } from "../core/fault.ts";
import { quickTest, read, SchemaError, v } from "../schema/mod.ts";
import { apiError } from "./contract.ts";

export interface ApiFailure {
  readonly kind: string;
  readonly code: string;
  readonly shown: string;
  readonly hint?: string;
}

/** What the other side is told: never `message`, causes or a stack. */
export function failureOf(fault: Fault): ApiFailure {
  const { kind, code, shown, hint } = fault;
  return hint === undefined ? { kind, code, shown } : { kind, code, shown, hint };
}

const failed = v.strictObject({ error: apiError });

/** The fault that an answer's text tells, or null where it tells none. */
export function faultIn(answer: unknown): Fault | null {
  const result = v.safeParse(failed, answer);
  if (!result.success) return null;
  const { kind, code, shown, hint } = result.output.error;
  return new Fault({
    kind: isKind(kind) ? kind : "internal",
    code: isCode(code) ? code : "api.unknown-code",
    message: `auth answered ${code}: ${shown}`,
    shown,
    ...(hint === undefined ? {} : { hint }),
  });
}

/**
 * Any thrown thing as a fault; input that did not fit its schema is the caller's, all else is
 * ours.
 */
export function faultOfThrown(thrown: unknown): Fault {
  if (!(thrown instanceof SchemaError)) return asFault(thrown);
  const shown = thrown.message.slice(0, 2000);
  return new Fault({ kind: "invalid", code: "api.bad-input", message: shown, shown });
}

/** Parses JSON from the other side. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Fault({
      kind: "invalid",
      code: "api.bad-json",
      message: `${text.length} characters are no JSON`,
      shown: "this is not JSON",
    });
  }
}

/**
 * Reads what Auth answered; what doesn't fit means that the two sides are of different versions.
 */
export function readAnswer<const S extends v.GenericSchema>(
  schema: S,
  answer: unknown,
  call: string,
): v.InferOutput<S> {
  if (isQuicklyRight(schema, answer)) return answer;
  try {
    return read(schema, answer, call);
  } catch (thrown) {
    throw new Fault({
      kind: "protocol",
      code: "api.bad-answer",
      message: thrown instanceof Error ? thrown.message : "bad answer",
      shown: `the Auth Service answered ${call} in a way that is not understood`,
      hint: "check that both sides run the same version",
      cause: thrown,
    });
  }
}

/** Lists of a large cluster have thousands of rows; the library takes twice the time for them. */
function isQuicklyRight<S extends v.GenericSchema>(
  schema: S,
  answer: unknown,
): answer is v.InferOutput<S> {
  let test = tests.get(schema);
  if (test === undefined) tests.set(schema, test = quickTest(schema));
  return test !== null && test(answer);
}

const tests = new WeakMap<v.GenericSchema, ReturnType<typeof quickTest>>();

function isKind(kind: string): kind is FaultKind {
  return Object.hasOwn(httpStatuses, kind);
}

function isCode(code: string): code is FaultCode {
  return Object.hasOwn(codes, code);
}
