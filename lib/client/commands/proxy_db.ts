import { command, count, flag, print, required, say } from "../../cli/mod.ts";
import { asFault, Fault } from "../../core/fault.ts";
import { connectionOf, launchOf } from "../launch.ts";
import { type LocalProxy, type LocalProxyOptions, openLocalProxy } from "../local_proxy.ts";
import type { ClientPowers } from "../powers.ts";
import { requireLogin, usableRoute } from "../session.ts";
import { endToEndOption, routeOptions } from "./db_login.ts";

export const proxyDb = command({
  name: "proxy db",
  summary: "open a local port to a database, until Ctrl-C",
  example: "proxy db orders --tunnel",
  arguments: { name: required("a database of `tsh db ls`") },
  options: {
    tunnel: flag({
      help: "programs connect without TLS and certificates; only your own are let in",
    }),
    "end-to-end": endToEndOption,
    port: count({ help: "the local port (default: one that stays the same)", min: 1, max: 65535 }),
    ...routeOptions,
  },
  run: async (options, powers: ClientPowers) => {
    const at = await requireLogin(options.proxy, powers);
    const { name, "db-user": user, "db-name": database } = options;
    const route = await usableRoute(at, { service: name, user, name: database }, powers);
    const port = options.port ?? await at.profile.port(at.login, name) ?? 0;
    const words = (text: string) => say(powers.terminal, `tsh: ${text}`);
    // Past the proxy nobody but this program can make the TLS; a server that speaks first must know
    // for which database.
    const endToEnd = options["end-to-end"] || route.require_end_to_end;
    const launch = launchOf(route.protocol);
    const tunnel = options.tunnel || endToEnd || launch.ownPort;
    const local = await open({ ...at, route, tunnel, endToEnd, port, say: words }, powers);
    await at.profile.savePort(at.login, name, local.port);
    const connection = connectionOf(at.profile, at.login, route);
    const example = launch.localCommand(local.port, connection, tunnel);
    print(powers.terminal, `127.0.0.1:${local.port}`);
    const how = endToEnd ? ", end to end," : "";
    say(powers.terminal, `${name} is at 127.0.0.1:${local.port}${how} until Ctrl-C; connect with:`);
    say(powers.terminal, `  ${example}`);
    await untilAborted(powers.signal);
    await local.close();
    return 0;
  },
});

async function open(options: LocalProxyOptions, powers: ClientPowers): Promise<LocalProxy> {
  try {
    return await openLocalProxy(options, powers);
  } catch (thrown) {
    const fault = asFault(thrown);
    if (fault.code !== "sys.listen-failed") throw thrown;
    throw new Fault({
      kind: "unavailable",
      code: "client.port-taken",
      message: `the local port ${options.port} is taken`,
      hint: "is another tsh proxy db running? else choose one with --port",
      cause: fault,
    });
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
