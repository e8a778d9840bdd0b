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
