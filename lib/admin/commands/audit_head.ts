import { command, print } from "../../cli/mod.ts";
import type { AdminPowers } from "../powers.ts";
import { openAuth, siteOptions } from "../site.ts";

export const auditHead = command({
  name: "audit head",
  summary: "print the signed head of each log, to be kept elsewhere and given to audit verify",
  example: "audit head > /mnt/elsewhere/head.json",
  options: siteOptions,
  run: async (options, powers: AdminPowers) => {
    const auth = await openAuth(options, powers);
    const { heads } = await auth.call("audit.head", {}, powers.signal);
    for (const head of heads) print(powers.terminal, head);
    return 0;
  },
});
