import { command, required, rest, say } from "../../cli/mod.ts";
import { Fault } from "../../core/fault.ts";
import { routeAt } from "../dial_route.ts";
import { connectionOf, type Launch, launchOf } from "../launch.ts";
import { serviceFile, writeService } from "../pg_service.ts";
import type { ClientPowers } from "../powers.ts";
import { requireLogin, usableRoute } from "../session.ts";
import { runShell } from "../sql/shell.ts";
import { routeOptions } from "./db_login.ts";

export const dbConnect = command({
  name: "db connect",
  summary: "run the database's own program, connected",
  example: 'db connect orders -- -c "select 1"',
  arguments: {
    name: required("a database of `tsh db ls`"),
    args: rest("arguments for the program, after --"),
  },
  options: routeOptions,
  run: async (options, powers: ClientPowers) => {
    const at = await requireLogin(options.proxy, powers);
    const { name, "db-user": user, "db-name": database } = options;
    const route = await usableRoute(at, { service: name, user, name: database }, powers);
    const launch = launchOf(route.protocol);
    if (await powers.findProgram(launch.program) === null) {
      if (options.args.length > 0) throw notInstalled(launch, name);
      const { program, install } = launch;
      say(powers.terminal, `${program} is not here, this is the built-in shell (${install})`);
      return await runShell(routeAt(at, route), powers);
    }
    const values = launch.section(connectionOf(at.profile, at.login, route));
    await writeService({ name, values }, powers);
    return await powers.runProgram(launch.program, [...launch.args(name), ...options.args], {
      PGSERVICEFILE: serviceFile(powers),
    });
  },
});

function notInstalled({ program, install }: Launch, name: string): Fault {
  return new Fault({
    kind: "missing",
    code: "client.no-program",
    message: `${program} is not installed or not on PATH`,
    hint: `${install}; without arguments for it, tsh db shell ${name} needs nothing installed`,
  });
}
