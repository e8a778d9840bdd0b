import { choice, command, list, required, say } from "../../cli/mod.ts";
import { Fault } from "../../core/fault.ts";
import type { AdminPowers } from "../powers.ts";
import { getOf } from "../resources.ts";
import { openAuth, siteOptions } from "../site.ts";
import { traitOptions, traitsOf } from "../users.ts";

export const usersUpdate = command({
  name: "users update",
  summary: "change a user's roles or traits; certificates from before are refused",
  example: "users update alice --roles=access,auditor",
  arguments: { name: required("the user's name") },
  options: {
    roles: list({ help: "the roles from now on" }),
    ...traitOptions,
    state: choice(["same", "enabled", "disabled"], {
      help: "whether they may log in",
      otherwise: "same",
    }),
    ...siteOptions,
  },
  run: async (options, powers: AdminPowers) => {
    const traits = traitsOf(options);
    const { roles, state } = options;
    if (roles.length === 0 && Object.keys(traits).length === 0 && state === "same") {
      throw new Fault({
        kind: "invalid",
        code: "admin.nothing-to-do",
        message: "nothing to change was named",
        hint: "for example --roles=access,auditor",
      });
    }
    const auth = await openAuth(options, powers);
    const user = await getOf(auth, "user", options.name, powers.signal);
    const spec = {
      ...user.spec,
      ...(roles.length === 0 ? {} : { roles: [...roles] }),
      traits: { ...user.spec.traits, ...traits },
      disabled: state === "same" ? user.spec.disabled : state === "disabled",
    };
    const resource = { ...user, spec };
    await auth.call("resources.put", { resource, replace: true }, powers.signal);
    say(powers.terminal, `user ${options.name} is changed`);
    return 0;
  },
});
