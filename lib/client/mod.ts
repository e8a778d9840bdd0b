/** The user's commands: a table, a line each. */
import { type Command, completionCommand } from "../cli/mod.ts";
import { dbConfig } from "./commands/db_config.ts";
import { dbConnect } from "./commands/db_connect.ts";
import { dbEnv } from "./commands/db_env.ts";
import { dbExec } from "./commands/db_exec.ts";
import { dbLogin } from "./commands/db_login.ts";
import { dbLogout } from "./commands/db_logout.ts";
import { dbLs } from "./commands/db_ls.ts";
import { dbShell } from "./commands/db_shell.ts";
import { doctor } from "./commands/doctor.ts";
import { login } from "./commands/login.ts";
import { logout } from "./commands/logout.ts";
import { proxyDb } from "./commands/proxy_db.ts";
import { status } from "./commands/status.ts";
import { version } from "./commands/version.ts";
import { databaseNames } from "./database_names.ts";
import type { ClientPowers } from "./powers.ts";

export type { ClientFiles, ClientNetwork, ClientPowers } from "./powers.ts";

export const clientCommands: readonly Command<ClientPowers>[] = [
  login,
  logout,
  status,
  dbLs,
  dbLogin,
  dbLogout,
  dbConnect,
  dbShell,
  dbExec,
  dbEnv,
  dbConfig,
  proxyDb,
  doctor,
  completionCommand<ClientPowers>({
    name: "tsh",
    commands: () => clientCommands,
    names: ({ name }, powers) =>
      /^(db|proxy) /.test(name) ? databaseNames(powers) : Promise.resolve([]),
  }),
  version,
];

/** What the nouns are, for the help. */
export const clientGroups: Readonly<Record<string, string>> = {
  db: "databases: see them, get certificates, connect",
  proxy: "local ports that lead to databases",
};
