import { command, formatOption, showList } from "../../cli/mod.ts";
import type { AdminPowers } from "../powers.ts";
import { listOf } from "../resources.ts";
import { openAuth, siteOptions } from "../site.ts";

export const tokensLs = command({
  name: "tokens ls",
  summary: "list join tokens by their names; their secrets are never shown again",
  example: "tokens ls",
  options: { ...siteOptions, format: formatOption },
  run: async (options, powers: AdminPowers) => {
    const auth = await openAuth(options, powers);
    const tokens = await listOf(auth, "token", powers.signal);
    await showList(powers.terminal, options.format, tokens, [
      { title: "NAME", cell: (token) => token.metadata.name },
      { title: "TYPE", cell: (token) => token.spec.system_roles.join(",") },
      { title: "SERVICES", cell: (token) => token.spec.services.join(",") },
      { title: "USES LEFT", cell: (token) => String(token.spec.uses_left ?? "any") },
      { title: "EXPIRES", cell: (token) => token.metadata.expires ?? "never" },
    ], "there are no tokens");
    return 0;
  },
});
