import { completionCommand, valueGiven } from "../../cli/mod.ts";
import { databaseNames, routeNames } from "../database_names.ts";
import { clientCommands } from "../mod.ts";
import type { ClientPowers } from "../powers.ts";

/** Commands that are about databases which have a certificate already. */
const ofRoutes = ["db logout", "db env", "db config"];

export const completion = completionCommand<ClientPowers>({
  name: "tsh",
  commands: () => clientCommands,
  names: async ({ name }, { words, option }, powers) => {
    const isDatabase = option === null ? /^(db|proxy) /.test(name) : option === "dbs";
    if (!isDatabase) return [];
    const proxy = valueGiven(words, "proxy");
    return await (ofRoutes.includes(name) ? routeNames : databaseNames)(proxy, powers);
  },
});
