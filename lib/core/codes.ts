/**
 * Every code that a fault can have: what it means and what to do, in two sentences. Codes are
 * `room.what`, stable, and never used again for something else; docs/errors.md lists them.
 */
import { roomCodes } from "./codes_rooms.ts";
import { serviceCodes } from "./codes_services.ts";

export const codes = { ...roomCodes, ...serviceCodes } as const;

/** A code of the list; tests make up their own as `test.what`. */
export type FaultCode = keyof typeof codes | `test.${string}`;

/** The codes of one room. */
export type CodeOf<Room extends string> = Extract<FaultCode, `${Room}.${string}`>;

/** What to do about a code, as hints are written; null where nothing is to be done. */
export function adviceOf(code: FaultCode): string | null {
  const sentences: Readonly<Record<string, string>> = codes;
  const words = Object.hasOwn(sentences, code) ? sentences[code] ?? "" : "";
  const advice = words.slice(words.indexOf(". ") + 2).replace(/\.$/, "");
  if (advice === "" || advice === "Nothing to do") return null;
  return advice.charAt(0).toLowerCase() + advice.slice(1);
}
