import type { Terminal } from "./terminal.ts";

/** What a long job tells about itself. */
export interface Progress {
  /** `done` of `total`; a total of null where it isn't known. */
  at(done: number, total: number | null): void;
  /** Takes the bar away. */
  end(): void;
}

const barCharacters = 24;
const periodMs = 100;

/**
 * A bar on stderr where that is a terminal, and nothing in a pipe. `monotonic` is in milliseconds.
 */
export function progress(terminal: Terminal, label: string, monotonic: () => number): Progress {
  if (!terminal.stderrIsTerminal) return { at: () => {}, end: () => {} };
  let last = -Infinity;
  return {
    at: (done, total) => {
      const now = monotonic();
      if (now - last < periodMs && done !== total) return;
      last = now;
      terminal.err(`\r\u001b[K${label} ${draw(done, total)}`);
    },
    end: () => terminal.err("\r\u001b[K"),
  };
}

function draw(done: number, total: number | null): string {
  if (total === null || total <= 0) return String(done);
  const share = Math.min(1, Math.max(0, done / total));
  const full = Math.round(share * barCharacters);
  const bar = "#".repeat(full) + "-".repeat(barCharacters - full);
  return `[${bar}] ${Math.floor(share * 100)}%`;
}
