/** Names for completion: these never fail, at worst there are none. */
import { asFault } from "../core/fault.ts";
import { withAuth } from "./cluster.ts";
import type { ClientPowers } from "./powers.ts";
import { type Login, Profile, readProxyAddress } from "./profile.ts";

/** Databases of the current login, or of that at `proxy`. */
export async function databaseNames(
  proxy: string | null,
  powers: ClientPowers,
): Promise<readonly string[]> {
  const login = await loginAt(proxy, powers);
  if (login === null || Date.parse(login.expires) <= powers.clock.now()) return [];
  try {
    const call = () =>
      withAuth(login, powers, (auth) => auth.call("databases.list", {}, powers.signal));
    return (await call()).names;
  } catch (thrown) {
    if (asFault(thrown).kind === "internal") return [];
    return await routeNames(proxy, powers);
  }
}

/** Databases that there is a certificate for. */
export async function routeNames(
  proxy: string | null,
  powers: ClientPowers,
): Promise<readonly string[]> {
  const login = await loginAt(proxy, powers);
  const routes = login === null ? [] : await new Profile(powers).routes(login).catch(() => []);
  return routes.map(({ service }) => service);
}

async function loginAt(proxy: string | null, powers: ClientPowers): Promise<Login | null> {
  try {
    return await new Profile(powers).login(proxy === null ? null : readProxyAddress(proxy).text);
  } catch {
    return null;
  }
}
