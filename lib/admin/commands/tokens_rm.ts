import { command, required, say } from "../../cli/mod.ts";
import type { AdminPowers } from "../powers.ts";
import { openAuth, siteOptions } from "../site.ts";

export const tokensRm = command({
  name: "tokens rm",
  summary: "remove a join token; hosts that joined with it stay",
  example: "tokens rm NAME",
  arguments: { name: required("its name, as remoteler tokens ls shows it") },
  options: siteOptions,
  run: async (options, powers: AdminPowers) => {
    const auth = await openAuth(options, powers);
    await auth.call("resources.remove", { kind: "token", name: options.name }, powers.signal);
    say(powers.terminal, `token ${options.name} is removed`);
    return 0;
  },
});
