/** A command as it is recorded: its arguments as text, without secrets, each of bounded length. */
import type { CommandAsked, CutArgument } from "../commands.ts";
import { latin1 } from "../latin1.ts";
import { type Command, keyPositions } from "./commands.ts";
import { limits } from "./limits.ts";
import { keepArgument, type KeptArgument } from "./long_command.ts";
import { mark, secretPositions } from "./secrets.ts";

export interface AskedParts {
  readonly command: Command;
  readonly args: readonly Uint8Array[];
  /** Where it was too long to be held: `args` are its arguments' fronts. */
  readonly kept?: readonly KeptArgument[];
  /** Arguments that are not even there in part. */
  readonly omitted?: number;
  /** Whether values are recorded, or keys only. */
  readonly values: boolean;
}

export function ask({ command, args, kept, omitted = 0, values }: AskedParts): CommandAsked {
  const secrets = secretPositions(command, args);
  const keys = values ? null : new Set(keyPositions(command, args) ?? []);
  const texts: string[] = [];
  let cut: CutArgument[] | null = null;
  let room: number = limits.commandKeptBytes;
  for (let index = 0; index < args.length; index++) {
    const argument = args[index] ?? nothing;
    const bytes = kept?.[index]?.length ?? argument.length;
    room -= Math.min(bytes, limits.argumentKeptBytes) + 16;
    if (room < 0) return { args: texts, cut: cut ?? none, omitted: omitted + args.length - index };
    if (secrets?.has(index) === true) {
      texts.push(mark);
    } else if (keys !== null && index >= command.words && !keys.has(index)) {
      texts.push("");
      (cut ??= []).push({ index, bytes, sha256: null });
    } else if (bytes <= limits.argumentKeptBytes) {
      texts.push(shown(argument));
    } else {
      const { bytes: front, sha256 } = kept?.[index] ?? keepArgument(argument);
      texts.push(shown(wholeCharacters(front)));
      (cut ??= []).push({ index, bytes, sha256 });
    }
  }
  return { args: texts, cut: cut ?? none, omitted };
}

const nothing = new Uint8Array(0);
const none: readonly CutArgument[] = [];
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes as text: UTF-8 as it is, control characters and other bytes as `\xHH`, `\` as `\\`. */
export function shown(bytes: Uint8Array): string {
  if (isPlain(bytes)) return latin1(bytes);
  let text: string;
  try {
    text = strict.decode(bytes);
  } catch {
    // deno-lint-ignore no-control-regex
    return latin1(bytes).replace(/[\u0000-\u001f\\\u007f-\u00ff]/g, escaped);
  }
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\\\u007f]/g, escaped);
}

function isPlain(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte < 0x20 || byte > 0x7e || byte === 0x5c) return false;
  }
  return true;
}

function escaped(character: string): string {
  if (character === "\\") return "\\\\";
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

/** Without a last character of UTF-8 that was cut. */
function wholeCharacters(front: Uint8Array): Uint8Array {
  for (let back = 1; back <= Math.min(3, front.length); back++) {
    const byte = front[front.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return wanted > back ? front.subarray(0, front.length - back) : front;
  }
  return front;
}

const lineArgumentCharacters = 64;
const lineArguments = 16;

/** A command as a person types it, shortened: what is found when the log is searched. */
export function lineOf({ args, cut, omitted }: CommandAsked): string {
  let line = "";
  const count = Math.min(args.length, lineArguments);
  for (let index = 0; index < count; index++) {
    const text = args[index] ?? "";
    const isHidden = text === "" && cut.some((one) => one.index === index);
    line += `${index === 0 ? "" : " "}${isHidden ? "…" : word(text)}`;
  }
  const more = args.length - count + omitted;
  return more === 0 ? line : `${line} … (${more} more)`;
}

function word(text: string): string {
  const short = text.length <= lineArgumentCharacters
    ? text
    : `${text.slice(0, lineArgumentCharacters).toWellFormed()}…`;
  return short !== "" && !/[\s"']/.test(short) ? short : `"${short.replaceAll('"', '\\"')}"`;
}
