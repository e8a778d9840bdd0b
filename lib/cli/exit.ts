import { asFault, exitCodes, Fault, shownByDefault } from "../core/fault.ts";
import { oneLine, type Terminal } from "./terminal.ts";

/**
 * How a program ends: lines on stderr as `name: error: ...`, `name: hint: ...`, and its exit code.
 */
export async function report(
  terminal: Terminal,
  program: string,
  thrown: unknown,
  debug: boolean,
): Promise<number> {
  const fault = asFault(thrown);
  for (const line of await faultLines(fault, debug)) terminal.err(`${program}: ${line}\n`);
  return exitCodes[fault.kind];
}

/** What a fault says at the command line; with `debug` also its code, fields and causes. */
export async function faultLines(fault: Fault, debug: boolean): Promise<readonly string[]> {
  const lines = words(fault).split("\n").map((line) => `error: ${oneLine(line)}`);
  const hint = await hintOf(fault, debug);
  if (hint !== null) lines.push(...hint.split("\n").map((line) => `hint: ${oneLine(line)}`));
  return debug ? [...lines, ...debugLines(fault)] : lines;
}

/** The fault's own hint, else what the list of codes advises; null where nothing is to be done. */
async function hintOf(fault: Fault, debug: boolean): Promise<string | null> {
  if (fault.hint !== undefined) return fault.hint;
  if (fault.kind === "internal" && !debug) {
    return "run it again with --debug to see where it comes from";
  }
  return (await import("../core/codes.ts")).adviceOf(fault.code);
}

/** The words meant for users where somebody chose them; else those for operators, who are here. */
function words(fault: Fault): string {
  if (fault.kind === "internal") return `internal error: ${fault.message}`;
  return fault.shown === shownByDefault[fault.kind] ? fault.message : fault.shown;
}

function debugLines(fault: Fault): readonly string[] {
  const lines = [`debug: code ${fault.code}, kind ${fault.kind}`];
  for (const [name, value] of Object.entries(fault.fields)) lines.push(`debug: ${name}=${value}`);
  if (fault.message !== words(fault)) lines.push(`debug: ${oneLine(fault.message)}`);
  let cause: unknown = fault.kind === "internal" && fault.cause === undefined ? fault : fault.cause;
  for (let depth = 0; depth < causesMax && cause !== undefined; depth++) {
    const text = cause instanceof Error ? cause.stack ?? cause.message : String(cause);
    lines.push(...text.split("\n").map((line) => `debug: cause: ${oneLine(line)}`));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return lines;
}

const causesMax = 8;
