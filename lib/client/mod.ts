/** The user's commands: a table, a line each. */
import { type Listed, listed } from "../cli/mod.ts";
import type { ClientPowers } from "./powers.ts";

export type { ClientFiles, ClientNetwork, ClientPowers } from "./powers.ts";

export const clientCommands: readonly Listed<ClientPowers>[] = [
  listed("login", async () => (await import("./commands/login.ts")).login),
  listed("logout", async () => (await import("./commands/logout.ts")).logout),
  listed("status", async () => (await import("./commands/status.ts")).status),
  listed("db ls", async () => (await import("./commands/db_ls.ts")).dbLs),
  listed("db login", async () => (await import("./commands/db_login.ts")).dbLogin),
  listed("db logout", async () => (await import("./commands/db_logout.ts")).dbLogout),
  listed("db connect", async () => (await import("./commands/db_connect.ts")).dbConnect),
  listed("db shell", async () => (await import("./commands/db_shell.ts")).dbShell),
  listed("db exec", async () => (await import("./commands/db_exec.ts")).dbExec),
  listed("db env", async () => (await import("./commands/db_env.ts")).dbEnv),
  listed("db config", async () => (await import("./commands/db_config.ts")).dbConfig),
  listed("proxy db", async () => (await import("./commands/proxy_db.ts")).proxyDb),
  listed("doctor", async () => (await import("./commands/doctor.ts")).doctor),
  listed("completion", async () => (await import("./commands/completion.ts")).completion),
  listed("version", async () => (await import("./commands/version.ts")).version),
];

/** What the nouns are, for the help. */
export const clientGroups: Readonly<Record<string, string>> = {
  db: "databases: see them, get certificates, connect",
  proxy: "local ports that lead to databases",
};
