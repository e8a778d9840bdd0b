/** docs/errors.md: fault codes, exit codes and SQLSTATEs, from the code that has them. */
import { codes } from "../lib/core/codes.ts";
import { exitCodes, httpStatuses, shownByDefault } from "../lib/core/fault.ts";
import { sqlStates } from "../lib/wire/postgres/refuse.ts";

const name = '"([a-z]+\\.[a-z0-9-]+)"';
/** How the sources write a fault, and its kind; null where that stands beside the code. */
const forms: readonly (readonly [RegExp, string | null])[] = [
  [new RegExp(`kind: "([a-z]+)",\\s*code: ${name}`, "g"), null],
  [new RegExp(`()\\binvalid\\(\\s*${name}`, "g"), "invalid"],
  [new RegExp(`()\\bdenied\\(\\s*${name}`, "g"), "denied"],
  [new RegExp(`()\\b(?:broken|TunnelError)\\(\\s*${name}`, "g"), "protocol"],
  [new RegExp(`()\\b(?:lost\\(|deadline\\([^"]*)\\s*${name}`, "g"), "network"],
  [new RegExp(`()\\bturnedAway\\(\\s*${name}`, "g"), "unavailable"],
  [new RegExp(`()code: ${name},\\s*user:`, "g"), "unauthenticated"],
];

/** The page; `texts` are the sources of lib and cmd. */
export function errorsMarkdown(texts: readonly string[]): string {
  return [
    "# Errors",
    "",
    "Made from the code by `deno task generate`.",
    "",
    "## Exit codes and HTTP statuses",
    "",
    "The kind of an error says who has to act, and with what a command ends. 0 is success.",
    "",
    ...table(["kind", "exit code", "HTTP status", "meaning"], kindRows()),
    "Commands have these besides:",
    "",
    ...table(["exit code", "meaning"], otherCodes),
    "## SQLSTATEs",
    "",
    "What a PostgreSQL client gets where Remoteler refuses a session or statement, and not the",
    "database, always with severity FATAL (PostgreSQL manual, appendix A).",
    "",
    ...table(["refusal", "SQLSTATE"], Object.entries(sqlStates)),
    "## Codes",
    "",
    "Shown with `--debug`, in logs and in audit events. No code is given a second meaning.",
    "",
    ...table(["code", "kind", "meaning", "what to do"], codeRows(texts)),
  ].join("\n");
}

const otherCodes: readonly (readonly [string, string])[] = [
  [
    "0",
    "it is done; also `--help`, and Ctrl-C where that is the way to end it (`proxy db`, `tail`)",
  ],
  [
    "1",
    "some of several failed: `tsh db exec`, `tsh doctor`; SQL in a pipe failed: `tsh db shell`",
  ],
  [
    "2",
    "the command line, or a file that it names, can't be understood; a command without its verb",
  ],
  ["70", "an internal error; a portable executable that is damaged or can't unpack itself"],
  ["130", "Ctrl-C"],
  ["141", "whoever reads the output left, as `head` does"],
  ["any", "of `tsh db connect`: psql's own (1, 2 or 3; 128 and the number of a signal)"],
];

function kindRows(): string[][] {
  return Object.entries(exitCodes).map(([kind, exit]) => {
    const [, status] = Object.entries(httpStatuses).find(([other]) => other === kind) ?? [];
    const [, words] = Object.entries(shownByDefault).find(([other]) => other === kind) ?? [];
    return [kind, String(exit), String(status), words ?? ""];
  });
}

function codeRows(texts: readonly string[]): string[][] {
  const kinds = kindsIn(texts);
  return Object.entries(codes).sort(([a], [b]) => a < b ? -1 : 1).map(([code, words]) => {
    const end = words.indexOf(". ") + 1;
    const kind = [...kinds.get(code) ?? []].sort().join(", ");
    return [`\`${code}\``, kind, words.slice(0, end), words.slice(end + 1)];
  });
}

function kindsIn(texts: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const text of texts) {
    for (const [form, fixed] of forms) {
      for (const [, beside = "", code = ""] of text.matchAll(form)) {
        found.set(code, (found.get(code) ?? new Set()).add(fixed ?? beside));
      }
    }
  }
  return found;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replace(/[|<]/g, "\\$&")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line), ""];
}
