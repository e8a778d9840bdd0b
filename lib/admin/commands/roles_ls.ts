import type { Role } from "../../api/resources.ts";
import { command, formatOption, showList } from "../../cli/mod.ts";
import type { AdminPowers } from "../powers.ts";
import { listOf } from "../resources.ts";
import { openAuth, siteOptions } from "../site.ts";

export const rolesLs = command({
  name: "roles ls",
  summary: "list roles and what they allow",
  example: "roles ls",
  options: { ...siteOptions, format: formatOption },
  run: async (options, powers: AdminPowers) => {
    const auth = await openAuth(options, powers);
    const roles = await listOf(auth, "role", powers.signal);
    await showList(powers.terminal, options.format, roles, [
      { title: "ROLE", cell: (role) => role.metadata.name },
      { title: "DATABASES", cell: drawLabels },
      { title: "DB USERS", cell: (role) => (role.spec.allow.db_users ?? []).join(", ") },
      { title: "DB NAMES", cell: (role) => (role.spec.allow.db_names ?? []).join(", ") },
      { title: "RESOURCES", cell: drawRules },
    ], "there are no roles");
    return 0;
  },
});

function drawLabels(role: Role): string {
  return Object.entries(role.spec.allow.db_labels ?? {})
    .map(([key, values]) => `${key}=${typeof values === "string" ? values : values.join("|")}`)
    .join(" ");
}

function drawRules(role: Role): string {
  return (role.spec.allow.rules ?? [])
    .map(({ resources, verbs }) => `${resources.join("|")}:${verbs.join("|")}`)
    .join(" ");
}
