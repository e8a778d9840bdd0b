/**
 * How the input of a call travels: one JSON object. Of a call with long texts they may come apart
 * from it, each on a line of its own behind the object: texts that are JSON themselves, which has
 * no line ends, need no second encoding then.
 */
import { Fault } from "../core/fault.ts";
import type { CallName } from "./contract.ts";
import { parseJson } from "./failure.ts";

/** By the name of a call, its list of texts that goes as lines. */
const listOfLines: ReadonlyMap<string, string> = new Map<CallName, string>([
  ["audit.append", "events"],
]);

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The body of a call. */
export function encodeBody(name: CallName, input: object): string {
  const list = listOfLines.get(name);
  const texts: unknown = list === undefined ? null : Reflect.get(input, list);
  if (list === undefined || !Array.isArray(texts)) return JSON.stringify(input);
  // A text with a line end would become two.
  if (texts.some((text) => typeof text !== "string" || text.includes("\n"))) {
    return JSON.stringify(input);
  }
  return `${JSON.stringify({ ...input, [list]: undefined })}\n${texts.join("\n")}`;
}

/** The input in a body, unchecked but for being an object; a fault `api.bad-json` else. */
export function parseBody(name: string, body: Uint8Array): object {
  const text = decode(body);
  const list = listOfLines.get(name);
  const end = list === undefined ? -1 : text.indexOf("\n");
  if (list === undefined || end < 0) return objectOf(text);
  return { ...objectOf(text.slice(0, end)), [list]: text.slice(end + 1).split("\n") };
}

function decode(body: Uint8Array): string {
  try {
    return decoder.decode(body);
  } catch (cause) {
    const shown = "the body is not UTF-8";
    throw new Fault({ kind: "invalid", code: "api.bad-json", message: shown, shown, cause });
  }
}

function objectOf(text: string): object {
  const input = parseJson(text);
  // The schema library takes a list for an object without fields.
  if (typeof input === "object" && input !== null && !Array.isArray(input)) return input;
  const shown = "the body is not a JSON object";
  throw new Fault({ kind: "invalid", code: "api.bad-json", message: shown, shown });
}
