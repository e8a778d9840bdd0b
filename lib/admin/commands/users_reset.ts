import { command, formatOption, required, show } from "../../cli/mod.ts";
import type { AdminPowers } from "../powers.ts";
import { openAuth, publicAddress, siteOptions } from "../site.ts";
import { drawInvite, inviteOf } from "../users.ts";

export const usersReset = command({
  name: "users reset",
  summary: "end a user's password and print the link where they choose a new one",
  example: "users reset alice",
  arguments: { name: required("the user's name") },
  options: { ...siteOptions, format: formatOption },
  run: async (options, powers: AdminPowers) => {
    const auth = await openAuth(options, powers);
    const made = await auth.call("users.reset", { name: options.name }, powers.signal);
    const invite = inviteOf(options.name, made, await publicAddress(options, auth, powers));
    await show(
      powers.terminal,
      options.format,
      invite,
      (one) => drawInvite(one, "choose a new password"),
    );
    return 0;
  },
});
