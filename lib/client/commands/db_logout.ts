import { command, optional, say } from "../../cli/mod.ts";
import { Fault } from "../../core/fault.ts";
import { removeConnection } from "../launch.ts";
import { nearest } from "../near.ts";
import type { ClientPowers } from "../powers.ts";
import { Profile, readProxyAddress } from "../profile.ts";
import { proxyOption } from "../session.ts";

export const dbLogout = command({
  name: "db logout",
  summary: "forget the certificate of one database, or of all",
  example: "db logout orders",
  arguments: { name: optional("a database of `tsh status` (default: all)") },
  options: { proxy: proxyOption },
  run: async (options, powers: ClientPowers) => {
    const profile = new Profile(powers);
    const at = options.proxy === null ? null : readProxyAddress(options.proxy).text;
    const login = await profile.login(at);
    const known = login === null ? [] : await profile.routes(login);
    const { name } = options;
    const gone = known.filter(({ service }) => name === null || service === name);
    if (name !== null && gone.length === 0) throw unknown(name, known.map((one) => one.service));
    for (const route of gone) {
      const { service } = route;
      await removeConnection(route, powers);
      if (login !== null) await profile.removeRoute(login, service);
      say(powers.terminal, `logged out of ${service}`);
    }
    if (gone.length === 0) say(powers.terminal, "there was no database to log out of");
    return 0;
  },
});

function unknown(name: string, known: readonly string[]): Fault {
  const near = nearest(name, known);
  return new Fault({
    kind: "missing",
    code: "client.no-route",
    message: `you have no certificate for the database ${name}`,
    hint: near === null ? "see those you have with: tsh status" : `did you mean ${near}?`,
  });
}
