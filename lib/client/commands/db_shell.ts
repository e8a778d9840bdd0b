import { command, required } from "../../cli/mod.ts";
import { routeAt } from "../dial_route.ts";
import type { ClientPowers } from "../powers.ts";
import { requireLogin, usableRoute } from "../session.ts";
import { runShell } from "../sql/shell.ts";
import { endToEndOption, routeOptions } from "./db_login.ts";

export const dbShell = command({
  name: "db shell",
  summary: "type SQL in the built-in shell, which needs nothing installed; also in a pipe",
  example: "db shell orders",
  arguments: { name: required("a database of `tsh db ls`") },
  options: { "end-to-end": endToEndOption, ...routeOptions },
  run: async (options, powers: ClientPowers) => {
    const at = await requireLogin(options.proxy, powers);
    const route = await usableRoute(at, {
      service: options.name,
      user: options["db-user"],
      name: options["db-name"],
    }, powers);
    const endToEnd = options["end-to-end"] || route.require_end_to_end;
    return await runShell(routeAt({ ...at, route, endToEnd }), powers);
  },
});
