import { command, required, say } from "../../cli/mod.ts";
import { readFullRef } from "../names.ts";
import type { AdminPowers } from "../powers.ts";
import { openAuth, siteOptions } from "../site.ts";

export const rm = command({
  name: "rm",
  summary: "remove a resource",
  example: "rm lock/lock-1a2b3c4d",
  arguments: { resource: required("KIND/NAME") },
  options: siteOptions,
  run: async (options, powers: AdminPowers) => {
    const { kind, name } = readFullRef(options.resource);
    const auth = await openAuth(options, powers);
    await auth.call("resources.remove", { kind, name }, powers.signal);
    say(powers.terminal, `${kind}/${name} is removed`);
    return 0;
  },
});
