import { command, required, say } from "../../cli/mod.ts";
import type { AdminPowers } from "../powers.ts";
import { openAuth, siteOptions } from "../site.ts";

export const usersRm = command({
  name: "users rm",
  summary: "remove a user; their sessions end",
  example: "users rm alice",
  arguments: { name: required("the user's name") },
  options: siteOptions,
  run: async (options, powers: AdminPowers) => {
    const auth = await openAuth(options, powers);
    await auth.call("resources.remove", { kind: "user", name: options.name }, powers.signal);
    say(powers.terminal, `user ${options.name} is removed`);
    return 0;
  },
});
