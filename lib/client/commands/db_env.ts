import { command, formatOption, required, show } from "../../cli/mod.ts";
import { connectionOf, launchOf } from "../launch.ts";
import type { ClientPowers } from "../powers.ts";
import { sayWhatIsNeeded } from "./db_login.ts";
import { proxyOption, requireLogin, requireRoute } from "../session.ts";

export const dbEnv = command({
  name: "db env",
  summary: "print variables that make programs connect",
  example: "db env orders",
  arguments: { name: required("a database that you logged in to") },
  options: { format: formatOption, proxy: proxyOption },
  run: async (options, powers: ClientPowers) => {
    const at = await requireLogin(options.proxy, powers);
    const route = await requireRoute(at, options.name, powers);
    sayWhatIsNeeded(route, powers);
    const connection = connectionOf(at.profile, at.login, route);
    const variables = launchOf(route.protocol).environment(connection);
    await show(powers.terminal, options.format, variables, exports);
    return 0;
  },
});

/** For `eval "$(tsh db env NAME)"`. */
function exports(variables: Readonly<Record<string, string>>): string {
  const lines = Object.entries(variables).map(([name, value]) =>
    `export ${name}=${
      /^[\w./:@+-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`
    }\n`
  );
  return lines.join("");
}
