/** docs/commands.md: every command of both executables, from their tables. */
import { adminCommands, adminGroups } from "../lib/admin/mod.ts";
import { clientCommands, clientGroups } from "../lib/client/mod.ts";
import type { BasePowers, Command } from "../lib/cli/mod.ts";

/** The page. */
export async function commandsMarkdown(): Promise<string> {
  const tsh = await Promise.all(clientCommands.map(({ load }) => load()));
  const remoteler = await Promise.all(adminCommands.map(({ load }) => load()));
  return [
    "# Commands",
    "",
    "Made from the code by `deno task generate`. What they are for is told in [tsh.md](tsh.md) and",
    "[remoteler.md](remoteler.md), what `--format` prints in [formats.md](formats.md), and how",
    "they end in [errors.md](errors.md).",
    "",
    "Every command also takes `--help`, and `--debug` to show codes and causes of errors. Options",
    "are written `--name=VALUE` or `--name VALUE`; `NAME,...` is a list and may be repeated.",
    "",
    "## tsh",
    "",
    ...groupLines(clientGroups),
    ...tsh.flatMap((command) => commandLines("tsh", command)),
    "## remoteler",
    "",
    ...groupLines(adminGroups),
    ...remoteler.flatMap((command) => commandLines("remoteler", command)),
  ].join("\n");
}

function groupLines(groups: Readonly<Record<string, string>>): string[] {
  return [...Object.entries(groups).map(([noun, words]) => `- \`${noun}\`: ${words}`), ""];
}

function commandLines<P extends BasePowers>(program: string, command: Command<P>): string[] {
  const { name, summary, example, options } = command;
  const args = [...command.arguments].map(([argument, { shape }]) => usageOf(argument, shape));
  const words = [program, name, ...args, ...(options.size > 0 ? ["[options]"] : [])].join(" ");
  const rows = [
    ...[...command.arguments].map((
      [argument, { help }],
    ) => [`\`${argument.toUpperCase()}\``, help]),
    ...[...options].map(([option, { short, value, help }]) => {
      const long = `--${option}${value === null ? "" : `=${value}`}`;
      return [`\`${short === null ? "" : `-${short}, `}${long}\``, help];
    }),
  ];
  return [
    `### ${program} ${name}`,
    "",
    `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`,
    "",
    "```",
    words,
    "",
    `# for example`,
    `${program} ${example}`,
    "```",
    "",
    ...(rows.length === 0 ? [] : ["| | |", "| --- | --- |", ...rows.map(line), ""]),
  ];
}

function usageOf(name: string, shape: "one" | "maybe" | "rest"): string {
  if (shape === "one") return name.toUpperCase();
  return shape === "maybe" ? `[${name.toUpperCase()}]` : `[${name.toUpperCase()}...]`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replace(/[|<]/g, "\\$&")).join(" | ")} |`;
}
