/**
 * Completion for shells: each script only hands the words typed so far back to the program
 * (`completion words -- ...`), so that what is offered is always what this version knows.
 */
import { Fault } from "../core/fault.ts";
import { type BasePowers, type Command, command } from "./command.ts";
import { required, rest } from "./options.ts";
import { commandIn, type Listed } from "./program.ts";
import { print } from "./terminal.ts";

/** What a completion is about: a program, and what its arguments can be. */
export interface Completed<P extends BasePowers> {
  readonly name: string;
  /** Asked late, since the command of completion is among them. */
  readonly commands: () => readonly Listed<P>[];
  /** Names that an argument, or an option's value, can have; must not fail. */
  names(command: Command<P>, typed: Typed, powers: P): Promise<readonly string[]>;
}

/** Where a completion is asked for. */
export interface Typed {
  /** The words before it. */
  readonly words: readonly string[];
  /** What is there of it; of a list with commas its last part. */
  readonly last: string;
  /** The option whose value it is; null for an argument. */
  readonly option: string | null;
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
      const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
      if (script === undefined) {
        const message = `the shell should be one of ${Object.keys(scripts).join(", ")}`;
        throw new Fault({ kind: "invalid", code: "cli.invalid-option", message });
      }
      print(powers.terminal, script(completed.name));
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
  const commands = completed.commands();
  const last = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  // What follows is another program's.
  if (before.includes("--")) return [];
  const found = await commandIn(commands, before)?.load();
  if (found === undefined) return startingWith(last, nextWords(commands, before));
  const value = valueAt(found, before, last);
  if (value !== null) {
    const all = await valuesOf(completed, found, { words: before, ...value }, powers);
    return startingWith(value.last, all).map((one) => `${value.shown}${one}`);
  }
  if (last.startsWith("-")) return startingWith(last, optionsOf(found));
  if (found.arguments.size === 0) return [];
  const typed = { words: before, last, option: null };
  return startingWith(last, await completed.names(found, typed, powers));
}

/** The value that these words give an option, as `--name=value`, `--name value` or `-n value`. */
export function valueGiven(words: readonly string[], name: string): string | null {
  const flag = name.length === 1 ? `-${name}` : `--${name}`;
  const joined = words.findLast((word) => word.startsWith(`${flag}=`));
  if (joined !== undefined) return joined.slice(flag.length + 1);
  const at = words.lastIndexOf(flag);
  if (at < 0) return null;
  // The shell may have cut the words at `=` (bash).
  return (words[at + 1] === "=" ? words[at + 2] : words[at + 1]) ?? null;
}

/** Nouns, or the verbs of a noun. */
function nextWords<P extends BasePowers>(
  commands: readonly Listed<P>[],
  before: readonly string[],
): readonly string[] {
  const words = before.filter((word) => !word.startsWith("-"));
  if (words.length > 1) return [];
  return commands.map(({ name }) => name.split(" "))
    .filter((name) => words.every((word, index) => name[index] === word))
    .map((name) => name[words.length] ?? "");
}

interface Value {
  readonly option: string;
  readonly last: string;
  /** What stands before it in the same word, and has to stay. */
  readonly shown: string;
}

/** The option whose value is being typed; null where it is none's. */
function valueAt<P extends BasePowers>(
  { options }: Command<P>,
  before: readonly string[],
  last: string,
): Value | null {
  const joined = /^--([a-z-]+)=(.*)$/s.exec(last);
  const [back, typed] = last === "="
    ? [before.at(-1), ""]
    : [before.at(-1) === "=" ? before.at(-2) : before.at(-1), last];
  const option = joined?.[1] ?? /^--([a-z-]+)$/.exec(back ?? "")?.[1];
  if (option === undefined || (options.get(option)?.value ?? null) === null) return null;
  const whole = joined?.[2] ?? typed;
  const comma = whole.lastIndexOf(",") + 1;
  const start = joined === null ? "" : `--${option}=`;
  return { option, last: whole.slice(comma), shown: start + whole.slice(0, comma) };
}

/** The words of a choice, or names that the program knows. */
async function valuesOf<P extends BasePowers>(
  completed: Completed<P>,
  command: Command<P>,
  typed: Typed & { readonly option: string },
  powers: P,
): Promise<readonly string[]> {
  const value = command.options.get(typed.option)?.value ?? "";
  if (value.includes("|")) return value.split("|");
  return await completed.names(command, typed, powers);
}

function optionsOf<P extends BasePowers>({ options }: Command<P>): readonly string[] {
  const own = [...options].map(([name, { value }]) => value === null ? `--${name}` : `--${name}=`);
  return [...own, "--debug", "--help"];
}

function startingWith(start: string, all: readonly string[]): readonly string[] {
  return [...new Set(all)].filter((one) => one !== "" && one.startsWith(start)).sort();
}

const scripts: Readonly<Record<string, (program: string) => string>> = {
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
  local -a found open whole
  found=("\${(@f)$(${program} completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=("\${(@)found:#}")
  open=("\${(@M)found:#*=}")
  whole=("\${(@)found:#*=}")
  (( \${#open} )) && compadd -Q -S '' -a open
  (( \${#whole} )) && compadd -Q -a whole
  (( \${#found} )) || _files
}
# Found by compinit on fpath this file is the function's body, else it was sourced.
if [[ \${funcstack[1]-} == _${program} ]]; then
  _${program} "$@"
else
  compdef _${program} ${program}
fi
`,
  fish: (program) =>
    `# fish completion of ${program}
function __${program}_words
  set -l words (commandline -opc) (commandline -ct)
  set -l found (${program} completion words -- $words[2..] 2>/dev/null)
  if set -q found[1]
    printf '%s\\n' $found
  else
    set -l start (string match -r -- '^--[a-z-]+=' $words[-1])
    printf "$start%s\\n" (__fish_complete_path (string replace -r -- '^--[a-z-]+=' '' $words[-1]))
  end
end
complete -c ${program} -f -a '(__${program}_words)'
`,
};
