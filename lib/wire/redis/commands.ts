/** What a command is: its name, its categories, and which of its arguments are keys. */
import { latin1 } from "../latin1.ts";
import { commandTable } from "./command_table.ts";

export interface Command {
  /** In lower case; with its subcommand: "config|get". */
  readonly name: string;
  /** Words of the name: arguments from there on are the command's own. */
  readonly words: number;
  /** Without `@`; empty where the command is unknown. */
  readonly categories: readonly string[];
  /** Whether the table has it. */
  readonly known: boolean;
  readonly places: readonly Place[];
}

/** Where keys are among the arguments, the name being argument 0 (COMMAND's key specifications). */
export interface Place {
  /** Null where they can't be told by position. */
  readonly find: ((args: readonly Uint8Array[], from: number) => readonly number[] | null) | null;
  /** The position itself, or a word after which it is, searched from `at` (negative: backwards). */
  readonly at: number;
  readonly word: string | null;
}

const table: ReadonlyMap<string, Command> = readTable();
const containers: ReadonlySet<string> = new Set(
  [...table.keys()].filter((name) => name.includes("|")).map((name) => name.split("|")[0] ?? ""),
);
/** Names as clients write them, so that most need no lower case. */
const remembered = new Map<string, Command | null>();
const rememberedMax = 4096;
const nameCharactersMax = 128;

/** The command of these arguments, at least one. */
export function commandOf(args: readonly Uint8Array[]): Command {
  const written = nameText(args[0]);
  const known = remembered.get(written);
  if (known !== undefined && known !== null) return known;
  const name = written.toLowerCase();
  if (!containers.has(name) || args.length < 2) {
    const found = table.get(name) ?? unknown(name, 1);
    if (remembered.size < rememberedMax) remembered.set(written, found.known ? found : null);
    return containers.has(name) ? { ...found, words: 1 } : found;
  }
  const whole = `${name}|${nameText(args[1]).toLowerCase()}`;
  return table.get(whole) ?? unknown(whole, 2);
}

/** A name is short ASCII; what is longer or something else is told by its front. */
export function nameText(argument: Uint8Array | undefined): string {
  return argument === undefined ? "" : latin1(argument.subarray(0, nameCharactersMax));
}

function unknown(name: string, words: number): Command {
  return { name, words, categories: [], known: false, places: [] };
}

/** Every name of the table, for tests and documents. */
export function commandNames(): readonly string[] {
  return [...table.keys()];
}

function readTable(): Map<string, Command> {
  const found = new Map<string, Command>();
  for (const [marks, keys, names] of commandTable) {
    const categories = marks === "" ? [] : marks.split(" ");
    const places = keys === "" ? [] : keys.split(" ").map(readPlace);
    for (const name of names.split(" ")) {
      const words = name.includes("|") ? 2 : 1;
      found.set(name, { name, words, categories, known: true, places });
    }
  }
  return found;
}

function readPlace(text: string): Place {
  const range = /^(?:(.+)@)?(-?\d+)\+(-?\d+)\/(\d+)\/(\d+)$/.exec(text);
  if (range !== null) {
    const [, word = null, at, last, step, limit] = range;
    const find = byRange(Number(last), Number(step), Number(limit));
    return { word: word?.toLowerCase() ?? null, at: Number(at), find };
  }
  const counted = /^(?:(.+)@)?(-?\d+)#(\d+)\/(\d+)\/(\d+)$/.exec(text);
  if (counted === null) return { word: null, at: 0, find: null };
  const [, word = null, at, number, first, step] = counted;
  const find = byNumber(Number(number), Number(first), Number(step));
  return { word: word?.toLowerCase() ?? null, at: Number(at), find };
}

/** From the first on to `last` (from the end where negative), or a part of what is left. */
function byRange(last: number, step: number, limit: number): Place["find"] {
  return (args, from) => {
    const end = last >= 0
      ? from + last
      : limit <= 1
      ? args.length + last
      : from + Math.floor((args.length - from) / limit) - 1;
    const found: number[] = [];
    for (let at = from; at <= end && at < args.length; at += step) found.push(at);
    return found;
  };
}

/** As many as an argument says. */
function byNumber(number: number, first: number, step: number): Place["find"] {
  return (args, from) => {
    const text = nameText(args[from + number]);
    if (!/^\d{1,9}$/.test(text)) return null;
    const found: number[] = [];
    const end = from + first + Number(text) * step;
    for (let at = from + first; at < end && at < args.length; at += step) found.push(at);
    return found;
  };
}

/** Positions of the keys among the arguments; null where not all of them can be told. */
export function keyPositions(
  { name, places }: Command,
  args: readonly Uint8Array[],
): readonly number[] | null {
  if (places.length === 0) return none;
  if (name === "sort" || name === "sort_ro") return sortKeys(args);
  const found: number[] = [];
  for (const { at, word, find } of places) {
    const from = word === null ? at : afterWord(args, word, at);
    if (from === null) continue;
    const keys = find === null ? null : find(args, from);
    if (keys === null) return null;
    found.push(...keys);
  }
  // Of MIGRATE with KEYS the place of its one key is empty.
  return name === "migrate" ? found.filter((at) => args[at]?.length !== 0) : found;
}

const none: readonly number[] = [];

function afterWord(args: readonly Uint8Array[], word: string, start: number): number | null {
  if (start >= 0) {
    for (let at = start; at < args.length; at++) if (isWord(args[at], word)) return at + 1;
    return null;
  }
  for (let at = args.length + start; at > 0; at--) if (isWord(args[at], word)) return at + 1;
  return null;
}

function isWord(argument: Uint8Array | undefined, word: string): boolean {
  return argument?.length === word.length && nameText(argument).toLowerCase() === word;
}

/**
 * SORT key [BY pattern] [LIMIT offset count] [GET pattern ...] [STORE key]: patterns with a `*`
 * reach keys that nothing names.
 */
function sortKeys(args: readonly Uint8Array[]): readonly number[] | null {
  const found = [1];
  for (let at = 2; at < args.length; at++) {
    const word = nameText(args[at]).toLowerCase();
    if (word === "limit") at += 2;
    else if (word === "store") found.push(++at);
    else if (word === "by" || word === "get") {
      at += 1;
      if (args[at]?.includes(0x2a)) return null;
    }
  }
  return found;
}
