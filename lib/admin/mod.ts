/** The administrator's commands: a table, a line each. */
import { resources } from "../api/resources.ts";
import { type Command, completionCommand } from "../cli/mod.ts";
import { auditExport } from "./commands/audit_export.ts";
import { auditHead } from "./commands/audit_head.ts";
import { auditSearch } from "./commands/audit_search.ts";
import { auditTail } from "./commands/audit_tail.ts";
import { auditVerify } from "./commands/audit_verify.ts";
import { authExport } from "./commands/auth_export.ts";
import { authSign } from "./commands/auth_sign.ts";
import { configure } from "./commands/configure.ts";
import { create } from "./commands/create.ts";
import { dbLs } from "./commands/db_ls.ts";
import { dbTest } from "./commands/db_trial.ts";
import { edit } from "./commands/edit.ts";
import { get } from "./commands/get.ts";
import { installSystemd } from "./commands/install_systemd.ts";
import { lock } from "./commands/lock.ts";
import { rm } from "./commands/rm.ts";
import { rolesLs } from "./commands/roles_ls.ts";
import { start } from "./commands/start.ts";
import { status } from "./commands/status.ts";
import { tokensAdd } from "./commands/tokens_add.ts";
import { tokensLs } from "./commands/tokens_ls.ts";
import { tokensRm } from "./commands/tokens_rm.ts";
import { usersAdd } from "./commands/users_add.ts";
import { usersLs } from "./commands/users_ls.ts";
import { usersReset } from "./commands/users_reset.ts";
import { usersRm } from "./commands/users_rm.ts";
import { usersUpdate } from "./commands/users_update.ts";
import { version } from "./commands/version.ts";
import type { AdminPowers } from "./powers.ts";

export type { AdminFiles, AdminPowers, ServeOrder, VerifyOrder } from "./powers.ts";

export const adminCommands: readonly Command<AdminPowers>[] = [
  start,
  configure,
  installSystemd,
  status,
  dbLs,
  dbTest,
  usersAdd,
  usersLs,
  usersUpdate,
  usersReset,
  usersRm,
  rolesLs,
  tokensAdd,
  tokensLs,
  tokensRm,
  get,
  create,
  edit,
  rm,
  lock,
  authSign,
  authExport,
  auditSearch,
  auditTail,
  auditExport,
  auditHead,
  auditVerify,
  completionCommand<AdminPowers>({
    name: "remoteler",
    commands: () => adminCommands,
    names: ({ name }) => {
      const takesKind = ["get", "edit", "rm"].includes(name);
      return Promise.resolve(takesKind ? Object.keys(resources) : []);
    },
  }),
  version,
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
