import { choice, command, print, required, show, table } from "../../cli/mod.ts";
import { commandFor, type Connection, connectionOf } from "../launch.ts";
import type { ClientPowers } from "../powers.ts";
import { sayWhatIsNeeded } from "./db_login.ts";
import { proxyOption, requireLogin, requireRoute } from "../session.ts";

const format = choice(["text", "json", "yaml", "cmd"], {
  help: "how to print: for people, for machines, or the command to run",
  otherwise: "text",
});

export const dbConfig = command({
  name: "db config",
  summary: "print what a program needs to connect: address, names, files",
  example: "db config orders --format=json",
  arguments: { name: required("a database that you logged in to") },
  options: { format, proxy: proxyOption },
  run: async (options, powers: ClientPowers) => {
    const at = await requireLogin(options.proxy, powers);
    const route = await requireRoute(at, options.name, powers);
    if (options.format === "cmd") {
      print(powers.terminal, commandFor(route, connectionOf(at.profile, at.login, route)));
    } else {
      sayWhatIsNeeded(route, powers);
      const connection = connectionOf(at.profile, at.login, route);
      await show(powers.terminal, options.format, connection, draw);
    }
    return 0;
  },
});

function draw(connection: Connection): string {
  return table(
    [
      { title: "NAME", cell: ([name]) => name },
      { title: connection.service, cell: ([, value]) => value },
    ],
    [
      ["protocol", connection.protocol],
      ["host", connection.host],
      ["port", String(connection.port)],
      ["user", connection.user ?? "(any your roles allow)"],
      ["database", connection.database ?? "(any your roles allow)"],
      ["ca", connection.ca],
      ["cert", connection.cert],
      ["key", connection.key],
    ] satisfies [string, string][],
  );
}
