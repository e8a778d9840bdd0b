import { command, formatOption, show, table } from "../../cli/mod.ts";
import { Fault } from "../../core/fault.ts";
import type { ClientPowers } from "../powers.ts";
import { type Login, Profile } from "../profile.ts";

/** As `--format=json` shows it. */
interface LoginStatus {
  readonly current: boolean;
  readonly proxy: string;
  readonly cluster: string;
  readonly user: string;
  readonly roles: readonly string[];
  readonly expires: string;
  readonly expired: boolean;
  readonly databases: readonly {
    readonly name: string;
    readonly db_user: string | null;
    readonly db_name: string | null;
    readonly expires: string;
  }[];
}

export const status = command({
  name: "status",
  summary: "show who you are logged in as, where, and until when",
  example: "status",
  options: { format: formatOption },
  run: async (options, powers: ClientPowers) => {
    const profile = new Profile(powers);
    const current = await profile.login();
    const logins: LoginStatus[] = [];
    for (const login of await profile.logins()) {
      logins.push(await statusOf(profile, login, login.proxy === current?.proxy, powers));
    }
    if (logins.length === 0) {
      throw new Fault({
        kind: "unauthenticated",
        code: "client.not-logged-in",
        message: "you are not logged in",
        hint: "log in with: tsh login --proxy=HOST --user=NAME",
      });
    }
    await show(powers.terminal, options.format, logins, (all) => all.map(draw).join("\n"));
    return 0;
  },
});

async function statusOf(
  profile: Profile,
  login: Login,
  current: boolean,
  powers: ClientPowers,
): Promise<LoginStatus> {
  const { proxy, cluster, user, roles, expires } = login;
  const routes = await profile.routes(login);
  return {
    current,
    proxy,
    cluster,
    user,
    roles,
    expires,
    expired: Date.parse(expires) <= powers.clock.now(),
    databases: routes.map((route) => ({
      name: route.service,
      db_user: route.db_user,
      db_name: route.db_name,
      expires: route.expires,
    })),
  };
}

function draw(status: LoginStatus): string {
  const rows: (readonly [string, string])[] = [
    ["proxy", `${status.proxy}${status.current ? " (current)" : ""}`],
    ["cluster", status.cluster],
    ["roles", status.roles.join(", ")],
    ["until", `${status.expires}${status.expired ? " (expired: tsh login)" : ""}`],
    ...status.databases.map(({ name, db_user, db_name }) =>
      ["database", `${name} as ${db_user ?? "any user"} in ${db_name ?? "any database"}`] as const
    ),
  ];
  return table([
    { title: "USER", cell: ([name]) => name },
    { title: status.user, cell: ([, value]) => value },
  ], rows);
}
