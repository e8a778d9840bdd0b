import type { Terminal } from "./terminal.ts";

/** A terminal for tests: what is typed is handed in, what is said is kept. */
export interface FakeTerminal extends Terminal {
  readonly stdout: () => string;
  readonly stderr: () => string;
}

export function fakeTerminal(
  init: {
    readonly typed?: readonly string[];
    readonly stdin?: string;
    readonly isTerminal?: boolean;
  } = {},
): FakeTerminal {
  const isTerminal = init.isTerminal ?? false;
  const typed = [...(init.typed ?? [])];
  let out = "";
  let err = "";
  return {
    stdinIsTerminal: isTerminal,
    stdoutIsTerminal: isTerminal,
    stderrIsTerminal: isTerminal,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    ask: (prompt, options) => {
      const line = typed.shift() ?? null;
      err += prompt + (options.secret ? "" : line ?? "") + "\n";
      return Promise.resolve(line);
    },
    readAll: () => Promise.resolve(init.stdin ?? ""),
    stdout: () => out,
    stderr: () => err,
  };
}
