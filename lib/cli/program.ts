/** The one door to the command line library: a table of commands becomes a program. */
import { Command as Parser, CommanderError, Option as ParserOption } from "commander";
import { Fault } from "../core/fault.ts";
import type { BasePowers, Command, Given } from "./command.ts";
import { report } from "./exit.ts";
import type { Argument } from "./options.ts";

export interface Program<P extends BasePowers> {
  /** Name of the executable: prefix of its errors. */
  readonly name: string;
  readonly summary: string;
  readonly version: string;
  readonly commands: readonly Command<P>[];
  /** What the nouns are: `db` -> "databases: ...". */
  readonly groups: Readonly<Record<string, string>>;
}

/** Runs what `argv` (without the executable) asks for and gives the exit code; never throws. */
export async function runProgram<P extends BasePowers>(
  program: Program<P>,
  argv: readonly string[],
  powers: P,
): Promise<number> {
  const { terminal } = powers;
  const [own] = splitAtDashes(argv);
  const debug = own.includes("--debug");
  try {
    let code = 0;
    const run = async (command: Command<P>, given: Given): Promise<void> => {
      code = await command.invoke(given, powers);
    };
    const parser = buildParser(program, powers, run);
    if (own.length === 0) {
      terminal.err(parser.helpInformation());
      return 2;
    }
    await parser.parseAsync([...argv], { from: "user" });
    return code;
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) return report(terminal, program.name, thrown, debug);
    if (thrown.exitCode === 0) return 0;
    if (thrown.code === "commander.help") return 2;
    return report(terminal, program.name, usageFault(thrown, program.name, own), debug);
  }
}

type Run<P extends BasePowers> = (command: Command<P>, given: Given) => Promise<void>;

function buildParser<P extends BasePowers>(program: Program<P>, powers: P, run: Run<P>): Parser {
  const parser = new Parser(program.name).description(program.summary).exitOverride()
    .configureOutput({
      writeOut: (text) => powers.terminal.out(text),
      writeErr: (text) => powers.terminal.err(text),
      outputError: () => {},
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .helpCommand(false)
    .version(`${program.name} ${program.version}`, "-V, --version", "show the version")
    .option("--debug", "show codes and causes of errors");
  const groups = new Map<string, Parser>();
  for (const command of program.commands) {
    const [noun = "", verb] = command.name.split(" ");
    if (verb === undefined) {
      addCommand(parser.command(noun), program.name, command, run);
      continue;
    }
    let group = groups.get(noun);
    if (group === undefined) {
      group = parser.command(noun).description(program.groups[noun] ?? "").helpCommand(false);
      groups.set(noun, group);
    }
    addCommand(group.command(verb), program.name, command, run);
  }
  return parser;
}

const helpWidth = 100;

function addCommand<P extends BasePowers>(
  parser: Parser,
  program: string,
  command: Command<P>,
  run: Run<P>,
): void {
  parser.description(command.summary).helpCommand(false);
  for (const [name, argument] of command.arguments) {
    parser.argument(argumentShape(name, argument), argument.help);
  }
  for (const [name, option] of command.options) {
    const long = option.value === null ? `--${name}` : `--${name} <${option.value}>`;
    const flags = option.short === null ? long : `-${option.short}, ${long}`;
    const made = new ParserOption(flags, option.help);
    // Every occurrence is kept; the option's own reader decides what several mean.
    made.argParser((value: string, before: unknown) => [...texts(before), value]);
    parser.addOption(made);
  }
  parser.option("--debug", "show codes and causes of errors");
  parser.addHelpText("after", `\nExample:\n  ${program} ${command.example}`);
  parser.action(async () => {
    await run(command, {
      arguments: parser.processedArgs.map(texts),
      options: new Map(
        [...command.options.keys()].map((name) => {
          const known = parser.options.find((one) => one.long === `--${name}`);
          const value: unknown = known && parser.getOptionValue(known.attributeName());
          // The library takes `--no-x` as the opposite of an `--x`, which is true where left out.
          const isGiven = known?.negate === true ? value === false : value === true;
          return [name, isGiven ? ["true"] : texts(value)];
        }),
      ),
    });
  });
}

function argumentShape(name: string, argument: Argument<unknown>): string {
  switch (argument.shape) {
    case "one":
      return `<${name}>`;
    case "maybe":
      return `[${name}]`;
    case "rest":
      return `[${name}...]`;
  }
}

function texts(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.map(String) : [];
}

/** What the library says about a wrong command line, in our words and shape. */
function usageFault(error: CommanderError, program: string, own: readonly string[]): Fault {
  const [first = "", second] = error.message.replace(/^error: /, "").split("\n");
  const meant = second?.match(/^\(Did you mean (.+)\?\)$/)?.[1];
  const words = own.filter((word) => /^[a-z][a-z-]*$/.test(word)).slice(0, 2).join(" ");
  return new Fault({
    kind: "invalid",
    code: "cli.usage",
    message: first,
    hint: meant === undefined
      ? `see ${[program, words, "--help"].filter((part) => part !== "").join(" ")}`
      : `did you mean ${meant}?`,
  });
}

function splitAtDashes(argv: readonly string[]): readonly [readonly string[], readonly string[]] {
  const at = argv.indexOf("--");
  return at < 0 ? [argv, []] : [argv.slice(0, at), argv.slice(at + 1)];
}
