import { command, required, rest, say } from "../../cli/mod.ts";
import { Fault } from "../../core/fault.ts";
import { routeAt } from "../dial_route.ts";
import { connectionOf, type Launch, launchOf } from "../launch.ts";
import { openLocalProxy } from "../local_proxy.ts";
import { serviceFile, writeService } from "../pg_service.ts";
import type { ClientPowers } from "../powers.ts";
import type { Login, Profile, Route } from "../profile.ts";
import { requireLogin, usableRoute } from "../session.ts";
import { runShell } from "../sql/shell.ts";
import { endToEndOption, routeOptions } from "./db_login.ts";

export const dbConnect = command({
  name: "db connect",
  summary: "run the database's own program, connected",
  example: 'db connect orders -- -c "select 1"',
  arguments: {
    name: required("a database of `tsh db ls`"),
    args: rest("arguments for the program, after --"),
  },
  options: { "end-to-end": endToEndOption, ...routeOptions },
  run: async (options, powers: ClientPowers) => {
    const at = await requireLogin(options.proxy, powers);
    const { name, "db-user": user, "db-name": database } = options;
    const route = await usableRoute(at, { service: name, user, name: database }, powers);
    const endToEnd = options["end-to-end"] || route.require_end_to_end;
    const launch = launchOf(route.protocol);
    if (await powers.findProgram(launch.program) === null) {
      if (options.args.length > 0) throw notInstalled(launch, name);
      const { program, install } = launch;
      say(powers.terminal, `${program} is not here, this is the built-in shell (${install})`);
      return await runShell(routeAt({ ...at, route, endToEnd }), powers);
    }
    if (endToEnd) return await runPastProxy({ ...at, route }, launch, options.args, powers);
    const values = launch.section(connectionOf(at.profile, at.login, route));
    await writeService({ name, values }, powers);
    return await powers.runProgram(launch.program, [...launch.args(name), ...options.args], {
      PGSERVICEFILE: serviceFile(powers),
    });
  },
});

/** The program can't name a server of its own choice: it gets a local port while it runs. */
async function runPastProxy(
  at: { readonly profile: Profile; readonly login: Login; readonly route: Route },
  launch: Launch,
  args: readonly string[],
  powers: ClientPowers,
): Promise<number> {
  const words = (text: string) => say(powers.terminal, `tsh: ${text}`);
  const options = { ...at, tunnel: true, endToEnd: true, port: 0, say: words };
  const local = await openLocalProxy(options, powers);
  try {
    const connection = connectionOf(at.profile, at.login, at.route);
    const all = [...launch.localArgs(local.port, connection), ...args];
    return await powers.runProgram(launch.program, all, {});
  } finally {
    await local.close();
  }
}

function notInstalled({ program, install }: Launch, name: string): Fault {
  return new Fault({
    kind: "missing",
    code: "client.no-program",
    message: `${program} is not installed or not on PATH`,
    hint: `${install}; without arguments for it, tsh db shell ${name} needs nothing installed`,
  });
}
