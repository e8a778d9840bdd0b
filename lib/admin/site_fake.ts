/**
 * Fakes for the tests of the commands: powers without a machine, an Auth that answers from a table.
 */
import type { VerifyReport } from "../audit/verify.ts";
import type { AuthClient } from "../api/contract.ts";
import { type FakeTerminal, fakeTerminal } from "../cli/terminal_fake.ts";
import { runProgram } from "../cli/mod.ts";
import { Fault } from "../core/fault.ts";
import { adminCommands, adminGroups } from "./mod.ts";
import type { AdminPowers, ServeOrder, VerifyOrder } from "./powers.ts";

export interface Ran {
  readonly code: number;
  readonly terminal: FakeTerminal;
  /** Calls made, in order. */
  readonly calls: readonly { readonly name: string; readonly input: unknown }[];
  readonly files: ReadonlyMap<string, string>;
  readonly served: readonly ServeOrder[];
  readonly verified: readonly VerifyOrder[];
}

export interface RunInit {
  /** What Auth answers, by call; a function is given the input. */
  readonly answers?: Readonly<Record<string, unknown>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly report?: VerifyReport;
  /** Where it runs as an executable. */
  readonly executable?: string;
  /** What the editor makes of a text; null where it fails. */
  readonly editor?: (text: string) => string | null;
}

export const configFile = "/etc/remoteler.yaml";
const config = "version: v1\nremoteler: {data_dir: /data}\nauth_service: {}\n" +
  "proxy_service: {public_addr: 'db.example.com:443'}\n";
export const now = Date.parse("2026-01-02T03:04:05.000Z");

/** A report of a log that holds. */
export const holds: VerifyReport = {
  ok: true,
  log: "auth-1",
  files: 1,
  lines: 3,
  firstSeq: 1,
  lastSeq: 3,
  lastHash: "ab",
  heads: 1,
  coveredSeq: 3,
  missed: 0,
  problems: [],
  notes: [],
};

/** Runs `remoteler ARGV` with everything faked. */
export async function run(argv: readonly string[], init: RunInit = {}): Promise<Ran> {
  const terminal = fakeTerminal({ stdin: init.stdin ?? "" });
  const files = new Map(
    Object.entries({ [configFile]: config, "/data/auth.sock": "", ...init.files }),
  );
  const calls: { name: string; input: unknown }[] = [];
  const served: ServeOrder[] = [];
  const verified: VerifyOrder[] = [];
  const answer = (name: string, input: unknown): unknown => {
    calls.push({ name, input });
    const found = init.answers?.[name];
    if (found === undefined) throw new Fault({ kind: "missing", code: "test.none", message: name });
    return typeof found === "function" ? found(input) : found;
  };
  // The fake answers whatever the test says; the contract's types are the test's to keep.
  const auth = {
    call: (name: string, input: unknown) => Promise.resolve().then(() => answer(name, input)),
    stream: async function* (name: string, input: unknown) {
      await Promise.resolve();
      const items: unknown = answer(name, input);
      if (Array.isArray(items)) yield* items;
    },
  } as unknown as AuthClient;
  const powers: AdminPowers = {
    terminal,
    signal: new AbortController().signal,
    version: "9.9.9",
    clock: {
      now: () => now,
      monotonic: () => 0,
      after: () => ({ cancel: () => {} }),
      every: () => ({ cancel: () => {} }),
      sleep: () => Promise.resolve(),
    },
    random: {
      bytes: (count) => new Uint8Array(count),
      uuid: () => "11111111-2222-4333-8444-555555555555",
    },
    files: {
      readText: (path) => {
        const text = files.get(path);
        if (text !== undefined) return Promise.resolve(text);
        return Promise.reject(new Fault({ kind: "missing", code: "sys.file", message: path }));
      },
      writeText: (path, text) => {
        files.set(path, text);
        return Promise.resolve();
      },
      exists: (path) => Promise.resolve(files.has(path)),
      makeDirectory: () => Promise.resolve(),
      remove: (path) => Promise.resolve(void files.delete(path)),
    },
    env: (name) => init.env?.[name],
    hostname: () => "box",
    executable: () => init.executable ?? null,
    auth: () => Promise.resolve(auth),
    serve: (order) => {
      served.push(order);
      return Promise.resolve(0);
    },
    findProgram: (name) => Promise.resolve(`/usr/local/bin/${name}`),
    runProgram: (_program, args) => {
      const file = args.at(-1) ?? "";
      const edited = init.editor?.(files.get(file) ?? "") ?? null;
      if (edited !== null) files.set(file, edited);
      return Promise.resolve(edited === null ? 1 : 0);
    },
    verifyAudit: (order) => {
      verified.push(order);
      return Promise.resolve(init.report ?? holds);
    },
  };
  const program = {
    name: "remoteler",
    summary: "",
    version: "9.9.9",
    commands: adminCommands,
    groups: adminGroups,
  };
  const code = await runProgram(program, argv, powers);
  return { code, terminal, calls, files, served, verified };
}
