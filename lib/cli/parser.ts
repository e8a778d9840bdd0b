/** The one door to the command line library: a table of commands becomes a parser. */
import { Command as Parser, CommanderError, Option as ParserOption } from "commander";
import { Fault } from "../core/fault.ts";
import type { BasePowers, Command, Given } from "./command.ts";
import type { Argument } from "./options.ts";
import type { Program } from "./program.ts";
import type { Terminal } from "./terminal.ts";

/** A program whose commands, or the one that is meant, are loaded. */
export type Loaded<P extends BasePowers> = Omit<Program<P>, "commands"> & {
  readonly commands: readonly Command<P>[];
};

/**
 * Runs the command of `argv` and gives its exit code. Faults are the command's, or `cli.usage`;
 * `own` is what stands before a `--`.
 */
export async function parse<P extends BasePowers>(
  program: Loaded<P>,
  argv: readonly string[],
  own: readonly string[],
  powers: P,
): Promise<number> {
  try {
    let code = 0;
    const run = async (command: Command<P>, given: Given): Promise<void> => {
      code = await command.invoke(given, powers);
    };
    const parser = buildParser(program, powers.terminal, run);
    if (own.length === 0) {
      powers.terminal.err(parser.helpInformation());
      return 2;
    }
    await parser.parseAsync([...argv], { from: "user" });
    return code;
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return 0;
    if (thrown.code === "commander.help") return 2;
    throw usageFault(thrown, `${program.name} ${nearestHelp(program, own)}`.trimEnd());
  }
}

type Run<P extends BasePowers> = (command: Command<P>, given: Given) => Promise<void>;

function buildParser<P extends BasePowers>(
  program: Loaded<P>,
  terminal: Terminal,
  run: Run<P>,
): Parser {
  const parser = new Parser(program.name).description(program.summary).exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
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
function usageFault(error: CommanderError, helpful: string): Fault {
  const [first = "", second] = error.message.replace(/^error: /, "").split("\n");
  const meant = second?.match(/^\(Did you mean (.+)\?\)$/)?.[1];
  return new Fault({
    kind: "invalid",
    code: "cli.usage",
    message: first.replace(/\. Expected .*$/, ""),
    hint: meant === undefined ? `see ${helpful} --help` : `did you mean ${meant}?`,
  });
}

/** The words of the command, or of the noun, that was meant; empty where neither is there. */
function nearestHelp<P extends BasePowers>(
  { commands, groups }: Loaded<P>,
  own: readonly string[],
): string {
  const words = own.filter((word) => !word.startsWith("-"));
  const [noun = "", verb = ""] = words;
  const found = commands.find(({ name }) => name === noun || name === `${noun} ${verb}`);
  return found?.name ?? (Object.hasOwn(groups, noun) ? noun : "");
}
