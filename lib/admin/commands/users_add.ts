import { command, formatOption, list, required, say, show } from "../../cli/mod.ts";
import { Fault } from "../../core/fault.ts";
import type { AdminPowers } from "../powers.ts";
import { openAuth, publicAddress, siteOptions } from "../site.ts";
import { drawInvite, inviteOf, traitOptions, traitsOf } from "../users.ts";

export const usersAdd = command({
  name: "users add",
  summary: "make a user and print the link where they choose a password",
  example: "users add alice --roles=access --db-users=alice --db-names=orders",
  arguments: { name: required("the user's name") },
  options: {
    roles: list({ help: "what they may do; remoteler roles ls shows them" }),
    ...traitOptions,
    ...siteOptions,
    format: formatOption,
  },
  run: async (options, powers: AdminPowers) => {
    if (options.roles.length === 0) {
      throw new Fault({
        kind: "invalid",
        code: "admin.no-roles",
        message: "a user needs at least one role",
        hint: "for example --roles=access; remoteler roles ls shows them",
      });
    }
    const auth = await openAuth(options, powers);
    const made = await auth.call("users.create", {
      name: options.name,
      roles: [...options.roles],
      traits: traitsOf(options),
    }, powers.signal);
    const address = await publicAddress(options, auth, powers);
    const invite = inviteOf(options.name, made, address);
    if (address === null) say(powers.terminal, "no proxy is known yet: the link has no address");
    await show(
      powers.terminal,
      options.format,
      invite,
      (one) => drawInvite(one, "choose a password"),
    );
    return 0;
  },
});
