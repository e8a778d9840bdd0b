import type { VisibleDatabase } from "../../api/database_list.ts";
import { command, formatOption, oneLine, say, showList } from "../../cli/mod.ts";
import { visibleDatabases, withAuth } from "../cluster.ts";
import type { ClientPowers } from "../powers.ts";
import { inForce, proxyOption, requireLogin } from "../session.ts";

export const dbLs = command({
  name: "db ls",
  summary: "list the databases your roles allow",
  example: "db ls --format=json",
  options: { format: formatOption, proxy: proxyOption },
  run: async (options, powers: ClientPowers) => {
    const { profile, login } = await requireLogin(options.proxy, powers);
    const databases = await withAuth(
      login,
      powers,
      (auth) => visibleDatabases(auth, powers.signal),
    );
    const routes = new Map((await profile.routes(login)).map((one) => [one.service, one]));
    const rows = databases.map((database) => {
      const route = routes.get(database.name);
      return { ...database, logged_in: route !== undefined && inForce(route, powers) };
    });
    const [words, pairsOf] = [once(joined), once(pairs)];
    await showList(powers.terminal, options.format, rows, [
      { title: "NAME", cell: ({ name, logged_in }) => `${name}${logged_in ? " *" : ""}` },
      { title: "PROTOCOL", cell: ({ protocol }) => protocol },
      { title: "STATUS", cell: ({ health }) => health.status },
      { title: "USERS", cell: ({ db_users }) => words(db_users) },
      { title: "DATABASES", cell: ({ db_names }) => words(db_names) },
      { title: "LABELS", cell: ({ labels }) => pairsOf(labels) },
      { title: "DESCRIPTION", cell: ({ description }) => description },
    ], "your roles give access to no database");
    if (options.format === "text") sayUnhealthy(databases, powers);
    return 0;
  },
});

/** Why they aren't well, in one write: of a large fleet that can be thousands of lines. */
function sayUnhealthy(databases: readonly VisibleDatabase[], { terminal }: ClientPowers): void {
  const lines = databases
    .filter(({ health }) => health.status === "unhealthy")
    .map(({ name, health: { since, reason } }) =>
      `${name} is unhealthy since ${since}: ${oneLine(reason)}`
    );
  if (lines.length > 0) say(terminal, lines.join("\n"));
}

/** What thousands have in common is put into words once. */
function once<T extends object>(wordsOf: (shared: T) => string): (shared: T) => string {
  const known = new Map<T, string>();
  return (shared) => {
    let words = known.get(shared);
    if (words === undefined) known.set(shared, words = wordsOf(shared));
    return words;
  };
}

function joined(words: readonly string[]): string {
  return words.join(", ");
}

function pairs(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(", ");
}
