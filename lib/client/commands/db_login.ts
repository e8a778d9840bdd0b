import { command, flag, print, required, say, text } from "../../cli/mod.ts";
import { commandFor, connectionOf, needsLocalPort, writeConnection } from "../launch.ts";
import type { ClientPowers } from "../powers.ts";
import type { Route } from "../profile.ts";
import { orderRoute, proxyOption, requireLogin } from "../session.ts";

/** `--end-to-end`, for every command that connects by itself. */
export const endToEndOption = flag({
  help: "TLS that ends at the Database Service, past the proxy (where roles want it: by itself)",
});

/** Options of every command that can make a database's certificate. */
export const routeOptions = {
  "db-user": text({ help: "the database account to be", value: "NAME" }),
  "db-name": text({ help: "the database within the server", value: "NAME" }),
  proxy: proxyOption,
} as const;

export const dbLogin = command({
  name: "db login",
  summary: "get a certificate for one database, and set up its programs",
  example: "db login orders --db-user=alice --db-name=orders",
  arguments: { name: required("a database of `tsh db ls`") },
  options: routeOptions,
  run: async (options, powers: ClientPowers) => {
    const at = await requireLogin(options.proxy, powers);
    const { name } = options;
    const route = await orderRoute(at, {
      service: name,
      user: options["db-user"],
      name: options["db-name"],
    }, powers);
    if (!needsLocalPort(route)) {
      await writeConnection(connectionOf(at.profile, at.login, route), powers);
    }
    const who = route.db_user ?? "the user you name";
    const where = route.db_name === null ? "" : `, database ${route.db_name}`;
    say(powers.terminal, `certificate for ${name} as ${who}${where}, until ${route.expires}`);
    sayWhatIsNeeded(route, powers);
    say(powers.terminal, "connect with:");
    print(powers.terminal, commandFor(route, connectionOf(at.profile, at.login, route)));
    return 0;
  },
});

/** Programs that connect by themselves end their TLS at the proxy. */
export function sayWhatIsNeeded(route: Route, { terminal }: ClientPowers): void {
  if (!needsLocalPort(route)) return;
  const { service, protocol } = route;
  const why = route.require_end_to_end
    ? `your roles want end to end for ${service}`
    : `this proxy has no port for ${protocol}`;
  say(terminal, `${why}, so programs need a local port:`);
  say(terminal, `  tsh proxy db ${service}`);
}
