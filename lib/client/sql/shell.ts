/**
 * The built-in shell: the terminal's own line editing, statements over several lines that end at
 * `;`, tables, and a Ctrl-C that cancels what runs. In a pipe it stops at the first error.
 */
import { oneLine, print, say } from "../../cli/mod.ts";
import { asFault, Fault } from "../../core/fault.ts";
import type { RouteAt } from "../dial_route.ts";
import type { ClientPowers } from "../powers.ts";
import { openSession } from "./open.ts";
import type { Dialect, ShellSession } from "./result.ts";
import { drawError, drawResult, listenerOn } from "./show.ts";
import { SqlError } from "./sql_error.ts";

const pipeBytesMax = 64 << 20;

/** Runs until `\q` or the end of input; gives the exit code. */
export async function runShell(at: RouteAt, powers: ClientPowers): Promise<number> {
  const stop = new AbortController();
  const session = await open(at, powers, stop.signal);
  const shell = new Shell(at, session, powers, stop.signal);
  const end = powers.onInterrupt(() => shell.interrupted());
  try {
    return powers.terminal.stdinIsTerminal ? await shell.converse() : await shell.runPipe();
  } finally {
    end();
    session.close();
  }
}

async function open(
  at: RouteAt,
  powers: ClientPowers,
  signal: AbortSignal,
): Promise<ShellSession> {
  try {
    return await openSession(at, powers, signal);
  } catch (thrown) {
    throw thrown instanceof SqlError ? refusedBy(thrown) : thrown;
  }
}

/** What the way to the database refused with, as a fault of this program. */
export function refusedBy(error: SqlError): Fault {
  const hint = error.fields.get("H");
  const isDenied = error.code === "42501" || error.code.startsWith("28");
  return new Fault({
    kind: isDenied ? "denied" : "target",
    code: "client.sql-refused",
    message: `${error.message} (${error.code})`,
    ...(hint === undefined ? {} : { hint }),
  });
}

class Shell {
  readonly #at: RouteAt;
  readonly #session: ShellSession;
  readonly #powers: ClientPowers;
  readonly #signal: AbortSignal;
  #isRunning = false;
  #held = "";

  constructor(at: RouteAt, session: ShellSession, powers: ClientPowers, signal: AbortSignal) {
    this.#at = at;
    this.#session = session;
    this.#powers = powers;
    this.#signal = signal;
  }

  /** Ctrl-C: cancels what runs, else forgets what was typed. */
  interrupted(): void {
    const { terminal } = this.#powers;
    if (!this.#isRunning) {
      this.#held = "";
      if (terminal.stdinIsTerminal) terminal.err(`\n${this.#prompt()}`);
      return;
    }
    say(terminal, "cancelling ...");
    this.#session.cancel().catch((thrown) =>
      say(terminal, `tsh: the statement could not be cancelled: ${asFault(thrown).message}`)
    );
  }

  async converse(): Promise<number> {
    const { terminal } = this.#powers;
    say(terminal, `${this.#at.route.service} as ${this.#at.user}; \\? for help, \\q to leave`);
    for (;;) {
      const line = await terminal.ask(this.#prompt(), { secret: false });
      if (line === null) return 0;
      if (this.#held.trim() === "" && line.trimStart().startsWith("\\")) {
        const text = commandText(line.trim(), this.#session.dialect);
        if (text === "quit") return 0;
        if (text.kind === "help") print(terminal, text.words);
        else await this.#run(text.sql);
        continue;
      }
      const { statements, rest } = this.#session.dialect.split(`${this.#held}${line}\n`);
      this.#held = rest;
      for (const statement of statements) {
        if (!await this.#run(statement)) break;
      }
    }
  }

  async runPipe(): Promise<number> {
    let text = "";
    const flush = async (isLast: boolean): Promise<boolean> => {
      const { statements, rest } = this.#session.dialect.split(text);
      text = isLast ? "" : rest;
      const all = isLast && rest.trim() !== "" ? [...statements, rest] : statements;
      for (const statement of all) if (!await this.#run(statement)) return false;
      return true;
    };
    for (const line of (await this.#powers.terminal.readAll(pipeBytesMax)).split("\n")) {
      if (text.trim() !== "" || !line.trimStart().startsWith("\\")) {
        text += `${line}\n`;
        if (line.includes(";") && !await flush(false)) return 1;
        continue;
      }
      const command = commandText(line.trim(), this.#session.dialect);
      if (command === "quit") return 0;
      if (command.kind === "help") print(this.#powers.terminal, command.words);
      else if (!await this.#run(command.sql)) return 1;
    }
    return await flush(true) ? 0 : 1;
  }

  /** False where it failed; throws where the session is over. */
  async #run(sql: string): Promise<boolean> {
    const { terminal } = this.#powers;
    this.#isRunning = true;
    try {
      const results = await this.#session.run(sql, listenerOn(terminal), this.#signal);
      for (const result of results) terminal.out(drawResult(result));
      return true;
    } catch (thrown) {
      if (!(thrown instanceof SqlError)) throw thrown;
      for (const result of thrown.before) terminal.out(drawResult(result));
      for (const line of drawError(thrown)) say(terminal, line);
      if (thrown.isFatal) throw refusedBy(thrown);
      return false;
    } finally {
      this.#isRunning = false;
    }
  }

  #prompt(): string {
    const mark = { T: "*", E: "!" }[this.#session.status] ?? "";
    return `${oneLine(this.#at.database)}${this.#held.trim() === "" ? "=" : "-"}${mark}> `;
  }
}

type Command =
  | "quit"
  | { readonly kind: "help"; readonly words: string }
  | { readonly kind: "sql"; readonly sql: string };

const help = `\\d        tables, views and sequences
\\d NAME   columns of one
\\l        databases
\\q        leave (or Ctrl-D)
statements end with ; and may have several lines; Ctrl-C cancels what runs`;

/** A line that begins with a backslash. */
function commandText(line: string, dialect: Dialect): Command {
  const [word = "", ...args] = line.replace(/;$/, "").split(/\s+/);
  const name = args.join(" ");
  if (word === "\\q") return "quit";
  if (word === "\\l") return { kind: "sql", sql: dialect.databases };
  if (word === "\\d") {
    return {
      kind: "sql",
      sql: name === "" ? dialect.relations : dialect.columnsOf(name),
    };
  }
  if (word === "\\?") return { kind: "help", words: help };
  return { kind: "help", words: `there is no ${oneLine(word)} here\n${help}` };
}
