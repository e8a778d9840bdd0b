import type { VisibleDatabase } from "../../api/database_list.ts";
import { command, count, flag, formatOption, list, pairs, required, rest } from "../../cli/mod.ts";
import { print, render, say, text } from "../../cli/mod.ts";
import { asFault, Fault } from "../../core/fault.ts";
import { visibleDatabases, withAuth } from "../cluster.ts";
import { routeAt } from "../dial_route.ts";
import type { ClientPowers } from "../powers.ts";
import type { Login, Profile } from "../profile.ts";
import { proxyOption, requireLogin, usableRoute } from "../session.ts";
import { openSession } from "../sql/open.ts";
import type { ShellSession } from "../sql/result.ts";
import { drawError, drawResult, listenerOn } from "../sql/show.ts";
import { SqlError } from "../sql/sql_error.ts";
import { endToEndOption, routeOptions } from "./db_login.ts";

const parallelMax = 32;

export const dbExec = command({
  name: "db exec",
  summary: "run SQL on several databases, one after the other or side by side",
  example: 'db exec "select version()" --labels=env=prod --parallel=4 --no-confirm',
  arguments: { sql: required("the SQL"), databases: rest("databases of `tsh db ls`") },
  options: {
    dbs: list({ help: "databases, as the arguments" }),
    labels: pairs({ help: "all databases that have all of these labels" }),
    search: text({ help: "all databases with this in name, description or labels" }),
    parallel: count({ help: "how many at once (default 1)", min: 1, max: parallelMax }),
    "output-dir": text({ help: "a file for each database in this folder", value: "DIR" }),
    "no-confirm": flag({ help: "don't ask before databases that labels or a search chose" }),
    "end-to-end": endToEndOption,
    "db-user": routeOptions["db-user"],
    "db-name": routeOptions["db-name"],
    format: formatOption,
    proxy: proxyOption,
  },
  run: async (options, powers: ClientPowers) => {
    const at = await requireLogin(options.proxy, powers);
    const call = () => withAuth(at.login, powers, (auth) => visibleDatabases(auth, powers.signal));
    const named = [...options.databases, ...options.dbs];
    const databases = await call();
    const chosen = choose(databases, { ...options, named });
    const strict = new Set(databases.filter((one) => one.require_end_to_end).map(nameOf));
    if (named.length === 0 && !options["no-confirm"]) await confirm(chosen, powers);
    const waiting = [...chosen];
    const outcomes = new Map<string, Outcome>();
    const order = { sql: options.sql, user: options["db-user"], name: options["db-name"] };
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const endToEnd = options["end-to-end"] || strict.has(next);
        outcomes.set(next, await runOn(at, next, { ...order, endToEnd }, powers));
      }
    };
    await Promise.all(Array.from({ length: options.parallel ?? 1 }, worker));
    const all = chosen.flatMap((name) => outcomes.get(name) ?? []);
    await show(all, options["output-dir"], options.format, powers);
    return all.every(({ ok }) => ok) ? 0 : 1;
  },
});

function nameOf({ name }: VisibleDatabase): string {
  return name;
}

/** As `--format=json` shows it. */
interface Outcome {
  readonly database: string;
  readonly ok: boolean;
  readonly results: readonly {
    readonly columns: readonly string[] | null;
    readonly rows: readonly (readonly (string | null)[])[];
    readonly tag: string;
  }[];
  readonly error: { readonly code: string; readonly message: string } | null;
}

interface Choice {
  readonly named: readonly string[];
  readonly labels: ReadonlyMap<string, string>;
  readonly search: string | null;
}

/** Names in the order given, then those that labels and search choose; each once. */
function choose(
  all: readonly VisibleDatabase[],
  { named, labels, search }: Choice,
): readonly string[] {
  const unknown = named.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined) {
    throw new Fault({
      kind: "missing",
      code: "client.no-database",
      message: `there is no database ${JSON.stringify(unknown)} that your roles give access to`,
      hint: "see what you can reach with: tsh db ls",
    });
  }
  const isMeant = (one: VisibleDatabase): boolean => {
    const words = [one.name, one.description, ...Object.entries(one.labels).flat()].join("\n");
    return [...labels].every(([key, value]) => one.labels[key] === value) &&
      (search === null || words.toLowerCase().includes(search.toLowerCase()));
  };
  const byRule = labels.size > 0 || search !== null ? all.filter(isMeant) : [];
  const chosen = [...new Set([...named, ...byRule.map(({ name }) => name)])];
  if (chosen.length > 0) return chosen;
  throw new Fault({
    kind: "invalid",
    code: "client.no-databases",
    message: "no database is chosen",
    hint: "name some after the SQL, or choose by --labels or --search; tsh db ls shows them",
  });
}

async function confirm(names: readonly string[], { terminal }: ClientPowers): Promise<void> {
  say(terminal, `this runs on ${names.length}: ${names.join(", ")}`);
  const typed = terminal.stdinIsTerminal
    ? await terminal.ask("go on? [y/N] ", { secret: false })
    : null;
  if (typed !== null && /^y(es)?$/i.test(typed.trim())) return;
  throw new Fault({
    kind: "invalid",
    code: "client.not-confirmed",
    message: "nothing was run",
    hint: "say yes, name the databases, or give --no-confirm",
  });
}

interface Order {
  readonly sql: string;
  readonly user: string | null;
  readonly name: string | null;
  readonly endToEnd: boolean;
}

async function runOn(
  at: { readonly profile: Profile; readonly login: Login },
  service: string,
  { sql, user, name, endToEnd }: Order,
  powers: ClientPowers,
): Promise<Outcome> {
  let session: ShellSession | null = null;
  const { signal } = powers;
  try {
    const route = await usableRoute(at, { service, user, name }, powers);
    session = await openSession(routeAt({ ...at, route, endToEnd }), powers, signal);
    const results = await session.run(sql, listenerOn(powers.terminal, `${service}: `), signal);
    return { database: service, ok: true, results, error: null };
  } catch (thrown) {
    signal.throwIfAborted();
    const results = thrown instanceof SqlError ? thrown.before : [];
    const error = thrown instanceof SqlError
      ? { code: thrown.code, message: drawError(thrown).join("\n") }
      : { code: asFault(thrown).code, message: asFault(thrown).message };
    return { database: service, ok: false, results, error };
  } finally {
    session?.close();
  }
}

async function show(
  all: readonly Outcome[],
  folder: string | null,
  format: "text" | "json" | "yaml",
  { terminal, files }: ClientPowers,
): Promise<void> {
  for (const { database, error } of all) {
    for (const line of error?.message.split("\n") ?? []) {
      say(terminal, `tsh: error: ${database}: ${line}`);
    }
  }
  if (folder === null) {
    const draw = () => all.map((one) => `== ${one.database}\n${drawResults(one)}`).join("\n");
    print(terminal, await render(format, all, draw));
    return;
  }
  await files.makeDirectory(folder);
  for (const one of all) {
    const file = `${folder}/${one.database}.${format === "text" ? "txt" : format}`;
    await files.writePrivate(file, await render(format, one, drawOutcome));
    say(terminal, file);
  }
}

function drawResults({ results }: Outcome): string {
  return results.map(drawResult).join("");
}

/** For a file, which nobody's stderr is beside. */
function drawOutcome(one: Outcome): string {
  return drawResults(one) + (one.error === null ? "" : `${one.error.message}\n`);
}
