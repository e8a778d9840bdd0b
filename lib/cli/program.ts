/** From a command line to an exit code; what a command needs is loaded when it is called. */
import { Fault } from "../core/fault.ts";
import type { BasePowers, Command, Given } from "./command.ts";
import { report } from "./exit.ts";

/** A command that is known by name, and loaded when it is wanted: a start pays for one of them. */
export interface Listed<P extends BasePowers> {
  /** As the command's own. */
  readonly name: string;
  load(): Promise<Command<P>>;
}

export interface Program<P extends BasePowers> {
  /** Name of the executable: prefix of its errors. */
  readonly name: string;
  readonly summary: string;
  readonly version: string;
  readonly commands: readonly Listed<P>[];
  /** What the nouns are: `db` -> "databases: ...". */
  readonly groups: Readonly<Record<string, string>>;
}

/** A line of a program's table of commands. */
export function listed<P extends BasePowers>(
  name: string,
  load: () => Promise<Command<P>>,
): Listed<P> {
  return { name, load };
}

/** The command that these words begin with; null where there is none. */
export function commandIn<P extends BasePowers>(
  commands: readonly Listed<P>[],
  words: readonly string[],
): Listed<P> | null {
  const [noun = "", verb = ""] = words.filter((word) => !word.startsWith("-"));
  return commands.find(({ name }) => name === noun || name === `${noun} ${verb}`) ?? null;
}

/** Runs what `argv` (without the executable) asks for and gives the exit code; never throws. */
export async function runProgram<P extends BasePowers>(
  program: Program<P>,
  argv: readonly string[],
  powers: P,
): Promise<number> {
  const end = argv.indexOf("--");
  const own = end < 0 ? argv : argv.slice(0, end);
  const meant = commandIn(program.commands, own);
  try {
    const wanted = meant === null ? program.commands : [meant];
    const commands = await Promise.all(wanted.map((one) => one.load()));
    const [command] = commands;
    // Words alone need no parser, whose loading takes longer than most commands.
    if (command !== undefined && isBare(command, argv)) {
      return await command.invoke(nothing, powers);
    }
    const { parse } = await import("./parser.ts");
    return await parse({ ...program, commands }, argv, own, powers);
  } catch (thrown) {
    const helped = withHelp(thrown, `${program.name} ${meant?.name ?? ""}`.trimEnd());
    return await report(powers.terminal, program.name, helped, own.includes("--debug"));
  }
}

const nothing: Given = { arguments: [], options: new Map() };

/** Nothing but the command's own words, where it needs nothing more. */
function isBare<P extends BasePowers>(
  { name, arguments: args }: Command<P>,
  argv: readonly string[],
): boolean {
  const words = name.split(" ");
  return argv.length === words.length && words.every((word, index) => word === argv[index]) &&
    [...args.values()].every(({ shape }) => shape !== "one");
}

/** A bad value says whose help to read; the option's reader doesn't know its command. */
function withHelp(thrown: unknown, words: string): unknown {
  if (!(thrown instanceof Fault) || thrown.code !== "cli.invalid-option") return thrown;
  const { kind, code, message, cause } = thrown;
  return new Fault({ kind, code, message, hint: thrown.hint ?? `see ${words} --help`, cause });
}
