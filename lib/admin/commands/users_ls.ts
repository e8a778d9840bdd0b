import { command, formatOption, showList } from "../../cli/mod.ts";
import type { AdminPowers } from "../powers.ts";
import { listOf } from "../resources.ts";
import { openAuth, siteOptions } from "../site.ts";

export const usersLs = command({
  name: "users ls",
  summary: "list users and their roles",
  example: "users ls --format=json",
  options: { ...siteOptions, format: formatOption },
  run: async (options, powers: AdminPowers) => {
    const auth = await openAuth(options, powers);
    const users = await listOf(auth, "user", powers.signal);
    await showList(powers.terminal, options.format, users, [
      { title: "USER", cell: (user) => user.metadata.name },
      { title: "ROLES", cell: (user) => user.spec.roles.join(", ") },
      { title: "TRAITS", cell: (user) => drawTraits(user.spec.traits) },
      { title: "STATE", cell: (user) => user.spec.disabled ? "disabled" : "enabled" },
    ], "there are no users: remoteler users add NAME --roles=access makes one");
    return 0;
  },
});

function drawTraits(traits: Readonly<Record<string, readonly string[]>>): string {
  return Object.entries(traits).map(([name, values]) => `${name}=${values.join("|")}`).join(" ");
}
