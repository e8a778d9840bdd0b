import { command, required, rest, say } from "../../cli/mod.ts";
import { Fault } from "../../core/fault.ts";
import { routeAt } from "../dial_route.ts";
import { connectionOf, installed, type Launch, launchOf, writeConnection } from "../launch.ts";
import { openLocalProxy } from "../local_proxy.ts";
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
    const program = await installed(launch, powers);
    if (program === null) {
      if (options.args.length > 0) throw notInstalled(launch, name);
      const { programs: [first], install } = launch;
      say(powers.terminal, `${first} is not here, this is the built-in shell (${install})`);
      return await runShell(routeAt({ ...at, route, endToEnd }), powers);
    }
    // Over a port of ours the database is known before the first word is said.
    if (endToEnd || launch.ownPort) {
      const to = { ...at, route, endToEnd };
      return await runOnLocalPort(to, { launch, program, args: options.args }, powers);
    }
    const connection = connectionOf(at.profile, at.login, route);
    const variables = await writeConnection(connection, powers);
    const words = [...launch.args(name, connection), ...options.args];
    return await powers.runProgram(program, words, variables);
  },
});

interface Way {
  readonly profile: Profile;
  readonly login: Login;
  readonly route: Route;
  readonly endToEnd: boolean;
}

interface Run {
  readonly launch: Launch;
  readonly program: string;
  readonly args: readonly string[];
}

/** The program can't name a server of its own choice: it gets a local port while it runs. */
async function runOnLocalPort(
  at: Way,
  { launch, program, args }: Run,
  powers: ClientPowers,
): Promise<number> {
  const words = (text: string) => say(powers.terminal, `tsh: ${text}`);
  const options = { ...at, tunnel: true, port: 0, say: words };
  const local = await openLocalProxy(options, powers);
  try {
    const connection = connectionOf(at.profile, at.login, at.route);
    const all = [...launch.localArgs(local.port, connection, program), ...args];
    return await powers.runProgram(program, all, {});
  } finally {
    await local.close();
  }
}

function notInstalled({ programs, install }: Launch, name: string): Fault {
  return new Fault({
    kind: "missing",
    code: "client.no-program",
    message: `${programs.join(" or ")} is not installed or not on PATH`,
    hint: `${install}; without arguments for it, tsh db shell ${name} needs nothing installed`,
  });
}
