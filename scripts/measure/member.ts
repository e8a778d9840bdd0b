/** Processes of measurements that are members of a cluster, through the parts that services use. */
import { type Config, configFault, loadConfig, loadSecrets } from "../../lib/config/mod.ts";
import type { LogLevel } from "../../lib/core/log.ts";
import { version } from "../../lib/core/version.ts";
import { commandFiles } from "../../lib/service/command_files.ts";
import { Diagnostics } from "../../lib/service/diagnostics.ts";
import { type Membership, openMembership } from "../../lib/service/membership.ts";
import type { OpenedSpool } from "../../lib/service/db_service.ts";
import type { Runtime } from "../../lib/service/runtime.ts";
import { systemClock } from "../../lib/sys/clock.ts";
import { environmentVariable } from "../../lib/sys/env.ts";
import { jsonLog } from "../../lib/sys/log.ts";
import { systemRandom } from "../../lib/sys/random.ts";

export interface MemberFile {
  readonly config: Config;
  readonly joinToken: string | null;
}

/** The configuration file of such a process, and the join token that it names. */
export async function readMemberFile(path: string): Promise<MemberFile> {
  const loaded = loadConfig(await Deno.readTextFile(path));
  if (!loaded.ok) throw configFault(path, loaded.issues);
  const { config, lineOf } = loaded;
  const read = await loadSecrets(config, lineOf, {
    readText: commandFiles.readText,
    env: environmentVariable,
  });
  if (!read.ok) throw configFault(path, read.issues);
  return { config, joinToken: read.secrets.joinToken };
}

export function runtimeOf(nodename: string, dataDir: string, level: LogLevel = "info"): Runtime {
  return {
    clock: systemClock,
    random: systemRandom,
    log: jsonLog({ clock: systemClock, level, room: "service" }),
    version,
    nodename,
    dataDir,
    diagnostics: new Diagnostics(),
  };
}

/** Joins as a Database Service; `remoteler` of the configuration says where. */
export function joinAsAgent(
  runtime: Runtime,
  { config: { remoteler }, joinToken }: MemberFile,
  signal: AbortSignal,
): Promise<Membership> {
  const address = remoteler.auth_server ?? remoteler.proxy_server;
  if (address === undefined) throw new Error("no address to join at");
  return openMembership({
    runtime,
    role: "db",
    address,
    caPins: remoteler.ca_pin ?? [],
    principals: [],
    joinToken: () => Promise.resolve(joinToken),
    signal,
  });
}

/** A spool that keeps nothing: what a session costs without its record. */
export function noSpool(): Promise<OpenedSpool> {
  const health = {
    full: false,
    bytes: 0,
    limitBytes: 0,
    segments: 0,
    openIntents: 0,
    unshipped: 0,
    lost: 0,
  };
  return Promise.resolve({
    spool: {
      event: () => {},
      intent: () => {},
      streamed: () => {},
      room: (done) => done(),
      result: () => {},
      settle: (_mode, done) => queueMicrotask(() => done(null)),
      fault: null,
      health,
      close: () => Promise.resolve(),
    },
    close: () => Promise.resolve(),
  });
}

/** Aborted by SIGTERM. */
export function untilTold(): AbortSignal {
  const told = new AbortController();
  Deno.addSignalListener("SIGTERM", () => told.abort());
  return told.signal;
}
