import { Fault } from "../core/fault.ts";

/** The process's standard streams. */
export interface StandardStreams {
  readonly stdinIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  out(text: string): void;
  err(text: string): void;
  /** One line typed after `prompt` (on stderr), unseen where `secret`. Null at the end of input. */
  ask(prompt: string, options: { readonly secret: boolean }): Promise<string | null>;
  /** All of stdin as UTF-8; a fault `cli.input-too-long` over `maxBytes`. */
  readAll(maxBytes: number): Promise<string>;
  /** Width in columns; null where it is no terminal. */
  readonly columns: number | null;
}

const lineBytesMax = 4096;

export const standardStreams: StandardStreams = {
  stdinIsTerminal: Deno.stdin.isTerminal(),
  stdoutIsTerminal: Deno.stdout.isTerminal(),
  stderrIsTerminal: Deno.stderr.isTerminal(),
  out: (text) => {
    // Whoever read it has left, as `head` does: what follows has no use, and a word of it neither.
    if (!writeAll(Deno.stdout, text)) Deno.exit(brokenPipe);
  },
  err: (text) => void writeAll(Deno.stderr, text),
  async ask(prompt, { secret }) {
    writeAll(Deno.stderr, prompt);
    return secret && Deno.stdin.isTerminal() ? await typedUnseen() : await readLine();
  },
  async readAll(maxBytes) {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const buffer = new Uint8Array(16_384);
      const count = await Deno.stdin.read(buffer);
      if (count === null) break;
      length += count;
      if (length > maxBytes) {
        const message = `more than ${maxBytes} bytes came on stdin`;
        throw new Fault({ kind: "invalid", code: "cli.input-too-long", message, shown: message });
      }
      parts.push(buffer.subarray(0, count));
    }
    const decoder = new TextDecoder();
    return parts.map((part) => decoder.decode(part, { stream: true })).join("") + decoder.decode();
  },
  get columns() {
    return Deno.stdout.isTerminal() ? Deno.consoleSize().columns : null;
  },
};

/** As a shell has it for a program that SIGPIPE ended: 128 + 13. */
const brokenPipe = 141;

/** False where the other end is closed. */
function writeAll(to: { writeSync(bytes: Uint8Array): number }, text: string): boolean {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw error;
  }
}

/** Bytes up to the line's end, read one by one so that nothing behind it is taken. */
async function readLine(): Promise<string | null> {
  const held: number[] = [];
  const one = new Uint8Array(1);
  for (;;) {
    const count = await Deno.stdin.read(one);
    if (count === null) return held.length === 0 ? null : text(held);
    const [byte = 0] = one;
    if (byte === 10) return text(held).replace(/\r$/, "");
    if (held.length < lineBytesMax) held.push(byte);
  }
}

const [ctrlC, ctrlD, backspace, ctrlU, newline, carriage, del] = [3, 4, 8, 21, 10, 13, 127];

/** A line in raw mode, not echoed; Ctrl-C ends with a `cancelled` fault, Ctrl-D is the end. */
async function typedUnseen(): Promise<string | null> {
  Deno.stdin.setRaw(true);
  try {
    let held: number[] = [];
    const one = new Uint8Array(1);
    for (;;) {
      const count = await Deno.stdin.read(one);
      const [byte = 0] = one;
      if (count === null || (byte === ctrlD && held.length === 0)) return null;
      if (byte === newline || byte === carriage) return text(held);
      if (byte === ctrlC) {
        throw new Fault({ kind: "cancelled", code: "sys.interrupted", message: "interrupted" });
      }
      if (byte === ctrlU) held = [];
      else if (byte === backspace || byte === del) held = withoutLast(held);
      else if (byte >= 32 && held.length < lineBytesMax) held.push(byte);
    }
  } finally {
    Deno.stdin.setRaw(false);
    writeAll(Deno.stderr, "\n");
  }
}

/** One character less, which may be several bytes. */
function withoutLast(held: readonly number[]): number[] {
  let end = held.length - 1;
  while (end > 0 && ((held[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return held.slice(0, Math.max(0, end));
}

function text(bytes: readonly number[]): string {
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
