/** The kinds of options and arguments a command can take, each with the type its value has. */
import { durationMs } from "../core/duration.ts";
import { Fault } from "../core/fault.ts";

/** An option `--name`; its value comes out of `read` typed. */
export interface Option<T> {
  readonly help: string;
  /** One letter, for `-f`. */
  readonly short: string | null;
  /** Name of the value in the help; null for a flag. */
  readonly value: string | null;
  /** The value as given, none where it was left out; faults name the option. */
  read(name: string, given: readonly string[]): T;
}

/** A positional argument. */
export interface Argument<T> {
  readonly help: string;
  readonly shape: "one" | "maybe" | "rest";
  read(given: readonly string[]): T;
}

export type Options = Readonly<Record<string, Option<unknown>>>;
export type Arguments = Readonly<Record<string, Argument<unknown>>>;
type Read<T> = T extends { read(...given: never[]): infer V } ? V : never;
/** What a command's `run` gets: a value for each argument and option. */
export type Values<A extends Arguments, O extends Options> =
  & { readonly [K in keyof A]: Read<A[K]> }
  & { readonly [K in keyof O]: Read<O[K]> };

interface Init {
  readonly help: string;
  readonly short?: string;
  /** Name of the value in the help. */
  readonly value?: string;
}

/** `--name`: true where given. */
export function flag(init: Omit<Init, "value">): Option<boolean> {
  const read = (_: string, given: readonly string[]): boolean => given.length > 0;
  return { help: init.help, short: init.short ?? null, value: null, read };
}

/** `--name=TEXT`: null where it was left out. */
export function text(init: Init): Option<string | null> {
  return single(init, "TEXT", (_, given) => given);
}

/** `--name=A,B`, repeatable: every value, none where it was left out. */
export function list(init: Init): Option<readonly string[]> {
  const read = (name: string, given: readonly string[]): readonly string[] => {
    const parts = given.flatMap((one) => one.split(",")).map((part) => part.trim());
    if (parts.includes("")) throw invalid(name, "a list of values separated by commas");
    return parts;
  };
  return { help: init.help, short: init.short ?? null, value: init.value ?? "A,B", read };
}

/** `--name=ONE` of a few words; `otherwise` where it was left out. */
export function choice<const T extends string>(
  words: readonly T[],
  init: Init & { readonly otherwise: NoInfer<T> },
): Option<T> {
  const read = (name: string, given: readonly string[]): T => {
    const last = given.at(-1);
    if (last === undefined) return init.otherwise;
    const word = words.find((one) => one === last);
    if (word === undefined) throw invalid(name, `one of ${words.join(", ")}`);
    return word;
  };
  const help = `${init.help} (${words.join("|")}, default ${init.otherwise})`;
  return { help, short: init.short ?? null, value: init.value ?? words.join("|"), read };
}

/** `--name=N`: a whole number of at least `min`. */
export function count(
  init: Init & { readonly min?: number; readonly max?: number },
): Option<number | null> {
  const min = init.min ?? 0;
  const max = init.max ?? Number.MAX_SAFE_INTEGER;
  return single(init, "N", (name, given) => {
    const number = /^\d{1,16}$/.test(given) ? Number(given) : NaN;
    if (number >= min && number <= max) return number;
    throw invalid(name, `a whole number from ${min} to ${max}`);
  });
}

/** `--name=8h`: a duration in milliseconds. */
export function duration(init: Init): Option<number | null> {
  return single(init, "DURATION", (name, given) => {
    const found = readDuration(given);
    if (found === null) throw invalid(name, 'a duration like "30s", "15m" or "12h"');
    return found;
  });
}

/** `--name=k=v,k2=v2`, repeatable: pairs in the order given. */
export function pairs(init: Init): Option<ReadonlyMap<string, string>> {
  const read = (name: string, given: readonly string[]): ReadonlyMap<string, string> => {
    const map = new Map<string, string>();
    for (const part of given.flatMap((one) => one.split(","))) {
      const at = part.indexOf("=");
      if (at < 1) throw invalid(name, "pairs like key=value");
      map.set(part.slice(0, at).trim(), part.slice(at + 1).trim());
    }
    return map;
  };
  return { help: init.help, short: init.short ?? null, value: init.value ?? "KEY=VALUE", read };
}

/** An argument that has to be there. */
export function required(help: string): Argument<string> {
  return { help, shape: "one", read: (given) => given[0] ?? "" };
}

/** An argument that may be left out: null then. */
export function optional(help: string): Argument<string | null> {
  return { help, shape: "maybe", read: (given) => given[0] ?? null };
}

/** All further arguments; also what follows `--`. */
export function rest(help: string): Argument<readonly string[]> {
  return { help, shape: "rest", read: (given) => given };
}

function single<T>(
  init: Init,
  value: string,
  read: (name: string, given: string) => T,
): Option<T | null> {
  return {
    help: init.help,
    short: init.short ?? null,
    value: init.value ?? value,
    read: (name, given) => {
      const last = given.at(-1);
      return last === undefined ? null : read(name, last);
    },
  };
}

function invalid(name: string, expected: string): Fault {
  return new Fault({
    kind: "invalid",
    code: "cli.invalid-option",
    message: `--${name} should be ${expected}`,
  });
}

/** Milliseconds of `1h30m`; null where it is no duration, is zero, or is over ten years. */
export function readDuration(given: string): number | null {
  const total = durationMs(given) ?? 0;
  return total > 0 && total <= 3650 * 86_400_000 ? total : null;
}
