import { command, say } from "../../cli/mod.ts";
import { removeConnection } from "../launch.ts";
import type { ClientPowers } from "../powers.ts";
import { Profile, readProxyAddress } from "../profile.ts";
import { proxyOption } from "../session.ts";

export const logout = command({
  name: "logout",
  summary: "forget the login, with all keys and certificates",
  example: "logout",
  options: { proxy: proxyOption },
  run: async (options, powers: ClientPowers) => {
    const profile = new Profile(powers);
    const at = options.proxy === null ? null : readProxyAddress(options.proxy).text;
    const logins = (await profile.logins()).filter(({ proxy }) => at === null || proxy === at);
    for (const login of logins) {
      for (const route of await profile.routes(login)) await removeConnection(route, powers);
      await profile.removeLogin(login);
      say(powers.terminal, `logged out of ${login.cluster} (${login.proxy})`);
    }
    if (logins.length === 0) say(powers.terminal, "you were not logged in");
    return 0;
  },
});
