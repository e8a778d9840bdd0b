/** A main of our own as a process that does what it is told, line by line. */
import { TextLineStream } from "./lines.ts";
import { mainOf } from "./process.ts";

/** Started with its arguments; each line it is told is answered with one line of JSON. */
export class Companion {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #output: ReadableStreamDefaultReader<string>;
  readonly #name: string;

  constructor(name: string, args: readonly string[]) {
    const [program = "", ...first] = mainOf(name);
    this.#name = name;
    this.#child = new Deno.Command(program, {
      args: [...first, ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Throws where the process ended without an answer. */
  async ask<T>(line: string): Promise<T> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
    const { value } = await this.#output.read();
    if (value === undefined) throw new Error(`${this.#name} ended at ${JSON.stringify(line)}`);
    return JSON.parse(value);
  }

  async end(): Promise<void> {
    await this.#input.close().catch(() => {});
    const late = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    await this.#output.cancel().catch(() => {});
    await this.#child.status;
    clearTimeout(late);
  }
}

/** The other side: answers each line of standard input until it ends. */
export async function answerLines(answer: (line: string) => Promise<unknown>): Promise<void> {
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    const text = JSON.stringify(await answer(line));
    Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  }
}
