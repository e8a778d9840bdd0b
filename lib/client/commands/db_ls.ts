import { command, formatOption, oneLine, say, showList } from "../../cli/mod.ts";
import { withAuth } from "../cluster.ts";
import type { ClientPowers } from "../powers.ts";
import { inForce, proxyOption, requireLogin, type VisibleDatabase } from "../session.ts";

export const dbLs = command({
  name: "db ls",
  summary: "list the databases your roles allow",
  example: "db ls --format=json",
  options: { format: formatOption, proxy: proxyOption },
  run: async (options, powers: ClientPowers) => {
    const { profile, login } = await requireLogin(options.proxy, powers);
    const { databases } = await withAuth(
      login,
      powers,
      (auth) => auth.call("databases.list", {}, powers.signal),
    );
    const routes = new Map((await profile.routes(login)).map((one) => [one.service, one]));
    const rows = databases.map((database) => {
      const route = routes.get(database.name);
      return { ...database, logged_in: route !== undefined && inForce(route, powers) };
    });
    await showList(powers.terminal, options.format, rows, [
      { title: "NAME", cell: ({ name, logged_in }) => `${name}${logged_in ? " *" : ""}` },
      { title: "PROTOCOL", cell: ({ protocol }) => protocol },
      { title: "STATUS", cell: ({ health }) => health.status },
      { title: "USERS", cell: ({ db_users }) => db_users.join(", ") },
      { title: "DATABASES", cell: ({ db_names }) => db_names.join(", ") },
      { title: "LABELS", cell: ({ labels }) => pairs(labels) },
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

function pairs(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(", ");
}
