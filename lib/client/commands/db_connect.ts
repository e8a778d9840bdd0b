import { command, required, rest } from "../../cli/mod.ts";
import { Fault } from "../../core/fault.ts";
import { connectionOf, type Launch, launchOf } from "../launch.ts";
import { serviceFile, writeService } from "../pg_service.ts";
import type { ClientPowers } from "../powers.ts";
import { inForce, orderRoute, requireLogin } from "../session.ts";
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
    const known = await at.profile.route(at.login, name);
    const fits = known !== null && inForce(known, powers) &&
      (user === null || user === known.db_user) &&
      (database === null || database === known.db_name);
    const order = {
      service: name,
      user: user ?? known?.db_user ?? null,
      name: database ?? known?.db_name ?? null,
    };
    const route = fits ? known : await orderRoute(at, order, powers);
    const launch = launchOf(route.protocol);
    if (await powers.findProgram(launch.program) === null) throw notInstalled(launch, name);
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
    hint: `${install}; any other program connects with: tsh db config ${name}`,
  });
}
