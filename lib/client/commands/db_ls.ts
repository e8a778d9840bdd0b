import { command, formatOption, oneLine, say, showList } from "../../cli/mod.ts";
import { withAuth } from "../cluster.ts";
import type { ClientPowers } from "../powers.ts";
import { inForce, proxyOption, requireLogin } from "../session.ts";

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
    for (const { name, health: { status, since, reason } } of rows) {
      if (options.format !== "text" || status !== "unhealthy") continue;
      say(powers.terminal, `${name} is unhealthy since ${since}: ${oneLine(reason)}`);
    }
    return 0;
  },
});

function pairs(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(", ");
}
