/** `remoteler start`: a configuration runs until it is told to stop. */
import type { Config, Secrets } from "../config/mod.ts";
import type { Log } from "../core/log.ts";
import { version } from "../core/version.ts";
import { systemClock } from "../sys/clock.ts";
import { hostname } from "../sys/env.ts";
import { remove } from "../sys/files.ts";
import { jsonLog } from "../sys/log.ts";
import { systemRandom } from "../sys/random.ts";
import { exit, onSignals } from "../sys/signals.ts";
import { standardStreams } from "../sys/terminal.ts";
import { ownDirectory } from "./api_listener.ts";
import { compose } from "./compose.ts";
import { Diagnostics } from "./diagnostics.ts";
import { Ready } from "./ready.ts";
import type { Runtime } from "./runtime.ts";
import { supervise } from "./supervisor.ts";
import { textLine } from "./text_log.ts";

export interface ServeOrder {
  readonly config: Config;
  readonly secrets: Secrets;
  /** Written as JSON once everything listens; null for none. */
  readonly readyFile: string | null;
}

/** Runs the services; gives the exit code. Throws what kept one from starting. */
export async function serve(order: ServeOrder): Promise<number> {
  const { config, secrets, readyFile } = order;
  const { level, format } = config.remoteler.log;
  const log = jsonLog({
    clock: systemClock,
    level,
    room: "service",
    ...(format === "text" ? { write: (line) => standardStreams.err(textLine(line)) } : {}),
  });
  const dataDir = config.remoteler.data_dir;
  await ownDirectory(dataDir);
  const runtime: Runtime = {
    clock: systemClock,
    random: systemRandom,
    log,
    version,
    nodename: config.remoteler.nodename ?? hostname(),
    dataDir,
    diagnostics: new Diagnostics(),
  };
  const ready = new Ready(log);
  // Of an earlier run: whoever waits for it must not find it.
  if (readyFile !== null) await remove(readyFile);
  reportBugs(log);
  log.info("starting", { version, data_dir: dataDir });
  const code = await supervise({
    parts: compose({ config, secrets, runtime, ready }),
    log,
    clock: systemClock,
    ready: async () => {
      if (readyFile !== null) await ready.write(readyFile);
    },
    onSignal: (run) => onSignals(["SIGINT", "SIGTERM"], run),
    exitNow: exit,
  });
  log.info("stopped", { code });
  return code;
}

/** A promise that nobody awaited is a mistake of ours; it must not end everybody's sessions. */
function reportBugs(log: Log): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    const reason: unknown = event.reason;
    const bug = reason instanceof Error ? reason.stack ?? reason.message : "not an error";
    log.error("a bug: a failure was not handled", { bug });
  });
}
