/**
 * The rules of the terminal. Data goes to stdout, all words to stderr. Nothing is asked when stdin
 * is not a terminal. Secrets are typed without echo and never printed. Text from elsewhere has its
 * control characters replaced before it reaches a terminal.
 */
import { Fault } from "../core/fault.ts";

/** Standard streams as a power that is handed in, so that tests can play the terminal. */
export interface Terminal {
  readonly stdinIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** Writes to stdout as it is. */
  out(text: string): void;
  /** Writes to stderr as it is. */
  err(text: string): void;
  /**
   * One line typed after `prompt` (on stderr); without echo where `secret`. Null at the end of
   * input.
   */
  ask(prompt: string, options: { readonly secret: boolean }): Promise<string | null>;
  /** All of stdin as text; a fault (`cli.input-too-long`) over `maxBytes`. */
  readAll(maxBytes: number): Promise<string>;
}

/** Longest secret or input line that is read. */
const secretBytesMax = 4096;

/**
 * A secret typed without echo, or the first line of stdin where `fromStdin`.
 * Faults: `cli.no-terminal` when there is nobody to ask, `cli.no-input` when nothing was given.
 */
export async function readSecret(
  terminal: Terminal,
  options: { readonly prompt: string; readonly fromStdin?: boolean; readonly flag?: string },
): Promise<string> {
  if (options.fromStdin === true) {
    const [line = ""] = (await terminal.readAll(secretBytesMax)).split(/\r?\n/, 1);
    if (line !== "") return line;
    throw new Fault({ kind: "invalid", code: "cli.no-input", message: "nothing came on stdin" });
  }
  if (!terminal.stdinIsTerminal) {
    throw new Fault({
      kind: "invalid",
      code: "cli.no-terminal",
      message: "there is no terminal to ask for a secret",
      ...(options.flag === undefined ? {} : { hint: `give it on stdin with ${options.flag}` }),
    });
  }
  const typed = await terminal.ask(options.prompt, { secret: true });
  if (typed !== null && typed !== "") return typed;
  throw new Fault({ kind: "invalid", code: "cli.no-input", message: "nothing was typed" });
}

/** Words for people, on stderr. */
export function say(terminal: Terminal, text: string): void {
  terminal.err(`${text}\n`);
}

/** Data, on stdout, with its newline. */
export function print(terminal: Terminal, text: string): void {
  terminal.out(text.endsWith("\n") ? text : `${text}\n`);
}

/** Text from elsewhere on one line: control and direction characters become U+FFFD. */
export function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}
