/**
 * Makes `lib/wire/redis/command_table.ts` from what running servers say of their commands:
 *
 *     deno run -A scripts/redis_commands.ts -- -p 6379 -- -s /tmp/redis8.sock
 *
 * Each `--` begins the options of redis-cli for one server; of a command that several know, the
 * last one counts. `tests/redis` compares the table with the server at hand.
 */
import { run } from "./lab/tools.ts";

/** Categories, where the keys are, and the commands that have both. */
export type TableRow = readonly [categories: string, keys: string, names: string];

interface Search {
  readonly type: string;
  readonly spec: Readonly<Record<string, number | string>>;
}

interface KeySpec {
  readonly flags: readonly string[];
  readonly begin_search: Search;
  readonly find_keys: Search;
}

type Entry = readonly [
  name: string,
  arity: number,
  flags: readonly string[],
  first: number,
  last: number,
  step: number,
  categories: readonly string[],
  tips: readonly string[],
  keys: readonly KeySpec[],
  subcommands: readonly Entry[],
];

/** The rows of what `COMMAND` answers (as `redis-cli --json` shows it), one list a server. */
export function tableOf(servers: readonly (readonly Entry[])[]): readonly TableRow[] {
  const known = new Map<string, readonly [string, string]>();
  const add = (entry: Entry): void => {
    const [name, , , , , , categories, , keys, subcommands] = entry;
    const marks = categories.map((category) => category.replace(/^@/, "")).sort().join(" ");
    const places = keys.filter(({ flags }) => !flags.includes("not_key")).map(placeOf).join(" ");
    known.set(name.toLowerCase(), [marks, places]);
    for (const subcommand of subcommands) add(subcommand);
  };
  for (const server of servers) for (const entry of server) add(entry);
  const grouped = new Map<string, string[]>();
  for (const [name, of] of [...known].sort()) {
    const group = JSON.stringify(of);
    grouped.set(group, [...grouped.get(group) ?? [], name]);
  }
  return [...grouped].sort().map(([group, names]) => {
    const [categories, keys] = JSON.parse(group);
    return [categories, keys, names.join(" ")];
  });
}

/** `1+0/1/0` by position, `STREAMS@1+-1/1/2` after a word, `1#0/1/1` by a number; `?` unknown. */
function placeOf({ begin_search: begin, find_keys: find }: KeySpec): string {
  if (begin.type === "unknown" || find.type === "unknown") return "?";
  const { index, keyword, startfrom } = begin.spec;
  const start = begin.type === "index" ? `${index}` : `${keyword}@${startfrom}`;
  const { lastkey, keystep, limit, keynumidx, firstkey } = find.spec;
  return find.type === "range"
    ? `${start}+${lastkey}/${keystep}/${limit}`
    : `${start}#${keynumidx}/${firstkey}/${keystep}`;
}

/** What a server answers to `COMMAND`; `options` are redis-cli's. */
export async function commandsOf(
  options: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<readonly Entry[]> {
  const { stdout } = await run("redis-cli", [...options, "--json", "command"], { env });
  return JSON.parse(stdout);
}

function fileOf(rows: readonly TableRow[]): string {
  const lines = rows.map(([categories, keys, names]) =>
    `  [${JSON.stringify(categories)}, ${JSON.stringify(keys)}, ${wrapped(names)}],`
  );
  return [
    "/**",
    " * Every command: its categories, where its keys are, and the names that have both. Made by",
    " * `scripts/redis_commands.ts` from what servers answer to COMMAND; the notation is there.",
    " */",
    "export const commandTable: readonly (readonly [string, string, string])[] = [",
    ...lines,
    "];",
    "",
  ].join("\n");
}

/** Long lists of names as several strings in a sum. */
function wrapped(names: string): string {
  const pieces: string[] = [];
  let piece = "";
  for (const name of names.split(" ")) {
    if (piece.length + name.length > 80) {
      pieces.push(piece);
      piece = "";
    }
    piece += piece === "" && pieces.length === 0 ? name : ` ${name}`;
  }
  return [...pieces, piece].map((text) => JSON.stringify(text)).join(" +\n    ");
}

if (import.meta.main) {
  const servers: string[][] = [];
  for (const word of Deno.args) {
    if (word === "--") servers.push([]);
    else servers.at(-1)?.push(word);
  }
  const answers = await Promise.all(servers.map((options) => commandsOf(options)));
  const path = new URL("../lib/wire/redis/command_table.ts", import.meta.url);
  await Deno.writeTextFile(path, fileOf(tableOf(answers)));
}
