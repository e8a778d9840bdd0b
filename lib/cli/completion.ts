/**
 * Completion for shells: each script only hands the words typed so far back to the program
 * (`completion words -- ...`), so that what is offered is always what this version knows.
 */
import { type BasePowers, type Command, command } from "./command.ts";
import { choice, rest } from "./options.ts";
import { print } from "./terminal.ts";
import { required } from "./options.ts";

/** What a completion is about: a program, and what its arguments can be. */
export interface Completed<P extends BasePowers> {
  readonly name: string;
  /** Asked late, since the command of completion is among them. */
  readonly commands: () => readonly Command<P>[];
  /** Names that the arguments of a command can have; must not fail. */
  names(command: Command<P>, powers: P): Promise<readonly string[]>;
}

/** The command `completion SHELL`. */
export function completionCommand<P extends BasePowers>(completed: Completed<P>): Command<P> {
  return command({
    name: "completion",
    summary: "print a script that completes commands, options and names in your shell",
    example: `completion bash > ~/.local/share/bash-completion/completions/${completed.name}`,
    arguments: {
      shell: required("bash, zsh or fish"),
      words: rest("only for the scripts: the words typed so far"),
    },
    run: async ({ shell, words }, powers: P) => {
      if (shell === "words") {
        const found = await candidates(completed, words, powers);
        if (found.length > 0) print(powers.terminal, found.join("\n"));
        return 0;
      }
      const known = choice(["bash", "zsh", "fish"], { help: "", otherwise: "bash" });
      print(powers.terminal, scripts[known.read("SHELL", [shell])](completed.name));
      return 0;
    },
  });
}

/** What the last of the words can become. */
export async function candidates<P extends BasePowers>(
  completed: Completed<P>,
  words: readonly string[],
  powers: P,
): Promise<readonly string[]> {
  const { before, last, equals } = split(words);
  const commands = completed.commands();
  const found = commandOf(commands, before);
  if (found === null) {
    const depth = before.length;
    if (depth > 1) return [];
    const next = commands.map(({ name }) => name.split(" "))
      .filter((name) => before.every((word, index) => name[index] === word))
      .map((name) => name[depth] ?? "");
    return startingWith(last, next);
  }
  if (equals !== null) {
    const values = valuesOf(found, equals);
    return startingWith(last, values);
  }
  const at = last.indexOf("=");
  if (last.startsWith("--") && at > 0) {
    const name = last.slice(0, at);
    return startingWith(last, valuesOf(found, name).map((value) => `${name}=${value}`));
  }
  if (last.startsWith("-")) return startingWith(last, optionsOf(found));
  if (found.arguments.size === 0) return [];
  return startingWith(last, await completed.names(found, powers));
}

interface Split {
  readonly before: readonly string[];
  readonly last: string;
  /** The option whose value is being typed, where the shell cuts words at `=` (bash). */
  readonly equals: string | null;
}

function split(words: readonly string[]): Split {
  const last = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const option = (back: number): string | null => {
    const word = words.at(back);
    return word?.startsWith("--") === true ? word : null;
  };
  if (last === "=") return { before, last: "", equals: option(-2) };
  return { before, last, equals: words.at(-2) === "=" ? option(-3) : null };
}

function commandOf<P extends BasePowers>(
  commands: readonly Command<P>[],
  words: readonly string[],
): Command<P> | null {
  const [noun = "", verb = ""] = words.filter((word) => !word.startsWith("-"));
  return commands.find(({ name }) => name === noun || name === `${noun} ${verb}`) ?? null;
}

function optionsOf<P extends BasePowers>({ options }: Command<P>): readonly string[] {
  const own = [...options].map(([name, { value }]) => value === null ? `--${name}` : `--${name}=`);
  return [...own, "--debug", "--help"];
}

/** The words of a choice; other values can't be known. */
function valuesOf<P extends BasePowers>({ options }: Command<P>, name: string): readonly string[] {
  const value = options.get(name.slice(2))?.value ?? "";
  return value.includes("|") ? value.split("|") : [];
}

function startingWith(start: string, all: readonly string[]): readonly string[] {
  return [...new Set(all)].filter((one) => one !== "" && one.startsWith(start)).sort();
}

const scripts: Readonly<Record<"bash" | "zsh" | "fish", (program: string) => string>> = {
  bash: (program) =>
    `# bash completion of ${program}
_${program}() {
  local IFS=$'\\n'
  COMPREPLY=($(${program} completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ \${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -o default -F _${program} ${program}
`,
  zsh: (program) =>
    `#compdef ${program}
_${program}() {
  local -a found
  found=("\${(@f)$(${program} completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=("\${(@)found:#}")
  if (( \${#found} )); then compadd -Q -a found; else _files; fi
}
compdef _${program} ${program}
`,
  fish: (program) =>
    `# fish completion of ${program}
function __${program}_words
  set -l words (commandline -opc) (commandline -ct)
  ${program} completion words -- $words[2..] 2>/dev/null
end
complete -c ${program} -a '(__${program}_words)'
`,
};
