import type { Argument, Arguments, Option, Options, Values } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** What every command is handed; programs add capabilities, made when first used. */
export interface BasePowers {
  readonly terminal: Terminal;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}

/** Arguments and options as the command line gave them; none where left out. */
export interface Given {
  readonly arguments: readonly (readonly string[])[];
  readonly options: ReadonlyMap<string, readonly string[]>;
}

/** A command of a program that hands out powers `P`, its option types sealed in. */
export interface Command<P extends BasePowers> {
  /** `noun verb`, or one word. */
  readonly name: string;
  readonly summary: string;
  /** One line that works, without the program's name. */
  readonly example: string;
  readonly arguments: ReadonlyMap<string, Argument<unknown>>;
  readonly options: ReadonlyMap<string, Option<unknown>>;
  /** Runs it and gives the exit code; faults are thrown. */
  invoke(given: Given, powers: P): Promise<number>;
}

export interface CommandInit<P extends BasePowers, A extends Arguments, O extends Options> {
  readonly name: string;
  readonly summary: string;
  readonly example: string;
  /** In their order on the command line; the last may be optional or take the rest. */
  readonly arguments?: A;
  /** By the name after `--`. */
  readonly options?: O;
  run(options: Values<A, O>, powers: P): Promise<number>;
}

type None = Readonly<Record<never, never>>;

/** A command whose `run` gets typed values. Names of options are written as typed: `"ca-pin"`. */
export function command<
  P extends BasePowers,
  const A extends Arguments = None,
  const O extends Options = None,
>(init: CommandInit<P, A, O>): Command<P> {
  const args = new Map<string, Argument<unknown>>(Object.entries(init.arguments ?? {}));
  const options = new Map<string, Option<unknown>>(Object.entries(init.options ?? {}));
  return {
    name: init.name,
    summary: init.summary,
    example: init.example,
    arguments: args,
    options,
    invoke: async (given, powers) => {
      const values: Record<string, unknown> = {};
      [...args].forEach(([name, argument], index) => {
        values[name] = argument.read(given.arguments[index] ?? []);
      });
      for (const [name, option] of options) {
        values[name] = option.read(name, given.options.get(name) ?? []);
      }
      // Each value came out of the reader that its type was taken from.
      return await init.run(values as Values<A, O>, powers);
    },
  };
}
