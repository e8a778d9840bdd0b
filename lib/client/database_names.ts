import { asFault } from "../core/fault.ts";
import { withAuth } from "./cluster.ts";
import type { ClientPowers } from "./powers.ts";
import { Profile } from "./profile.ts";

/** Databases of the current login, for completion: never fails, at worst there are none. */
export async function databaseNames(powers: ClientPowers): Promise<readonly string[]> {
  const profile = new Profile(powers);
  const login = await profile.login().catch(() => null);
  if (login === null || Date.parse(login.expires) <= powers.clock.now()) return [];
  try {
    const call = () =>
      withAuth(login, powers, (auth) => auth.call("databases.list", {}, powers.signal));
    return (await call()).databases.map(({ name }) => name);
  } catch (thrown) {
    if (asFault(thrown).kind === "internal") return [];
    return (await profile.routes(login)).map(({ service }) => service);
  }
}
