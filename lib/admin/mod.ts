/** The administrator's commands: a table, a line each. */
import { type Listed, listed } from "../cli/mod.ts";
import type { AdminPowers } from "./powers.ts";

export type { AdminFiles, AdminPowers, ServeOrder, VerifyOrder } from "./powers.ts";

export const adminCommands: readonly Listed<AdminPowers>[] = [
  listed("start", async () => (await import("./commands/start.ts")).start),
  listed("configure", async () => (await import("./commands/configure.ts")).configure),
  listed(
    "install systemd",
    async () => (await import("./commands/install_systemd.ts")).installSystemd,
  ),
  listed("status", async () => (await import("./commands/status.ts")).status),
  listed("db ls", async () => (await import("./commands/db_ls.ts")).dbLs),
  listed("db test", async () => (await import("./commands/db_trial.ts")).dbTest),
  listed("users add", async () => (await import("./commands/users_add.ts")).usersAdd),
  listed("users ls", async () => (await import("./commands/users_ls.ts")).usersLs),
  listed("users update", async () => (await import("./commands/users_update.ts")).usersUpdate),
  listed("users reset", async () => (await import("./commands/users_reset.ts")).usersReset),
  listed("users rm", async () => (await import("./commands/users_rm.ts")).usersRm),
  listed("roles ls", async () => (await import("./commands/roles_ls.ts")).rolesLs),
  listed("tokens add", async () => (await import("./commands/tokens_add.ts")).tokensAdd),
  listed("tokens ls", async () => (await import("./commands/tokens_ls.ts")).tokensLs),
  listed("tokens rm", async () => (await import("./commands/tokens_rm.ts")).tokensRm),
  listed("get", async () => (await import("./commands/get.ts")).get),
  listed("create", async () => (await import("./commands/create.ts")).create),
  listed("edit", async () => (await import("./commands/edit.ts")).edit),
  listed("rm", async () => (await import("./commands/rm.ts")).rm),
  listed("lock", async () => (await import("./commands/lock.ts")).lock),
  listed("auth sign", async () => (await import("./commands/auth_sign.ts")).authSign),
  listed("auth export", async () => (await import("./commands/auth_export.ts")).authExport),
  listed("audit search", async () => (await import("./commands/audit_search.ts")).auditSearch),
  listed("audit tail", async () => (await import("./commands/audit_tail.ts")).auditTail),
  listed("audit export", async () => (await import("./commands/audit_export.ts")).auditExport),
  listed("audit head", async () => (await import("./commands/audit_head.ts")).auditHead),
  listed("audit verify", async () => (await import("./commands/audit_verify.ts")).auditVerify),
  listed("completion", async () => (await import("./commands/completion.ts")).completion),
  listed("version", async () => (await import("./commands/version.ts")).version),
];

/** What the nouns are, for the help. */
export const adminGroups: Readonly<Record<string, string>> = {
  db: "the databases that agents serve",
  install: "set this machine up to run the services",
  users: "who may log in, with which roles",
  roles: "what may be done",
  tokens: "how proxies and Database Services join",
  auth: "certificates and authorities for other software",
  audit: "search, follow and verify the audit log",
};
