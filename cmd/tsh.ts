/** `tsh`: the user's tool. Wiring only. */
import { runProgram } from "../lib/cli/mod.ts";
import { clientCommands, clientGroups, type ClientPowers } from "../lib/client/mod.ts";
import { version } from "../lib/core/version.ts";
import { clientFiles } from "../lib/service/client_files.ts";
import { clientNetwork } from "../lib/service/client_network.ts";
import { interruption } from "../lib/service/interruption.ts";
import { systemClock } from "../lib/sys/clock.ts";
import { commandLine, environmentVariable, userId } from "../lib/sys/env.ts";
import {
  findProgram,
  loopbackPeerUser,
  outputOf,
  runProgram as launch,
} from "../lib/sys/process.ts";
import { systemRandom } from "../lib/sys/random.ts";
import { exit, onSignals } from "../lib/sys/signals.ts";
import { standardStreams } from "../lib/sys/terminal.ts";

const powers: ClientPowers = {
  terminal: standardStreams,
  // Made when a command first waits for something, so that until then Ctrl-C simply ends it.
  get signal() {
    return interrupted ??= interruption(() => hasChild);
  },
  version,
  clock: systemClock,
  random: systemRandom,
  files: clientFiles,
  network: clientNetwork,
  env: environmentVariable,
  userId,
  findProgram,
  runProgram: async (program, args, environment) => {
    hasChild = true;
    return await launch(program, args, { environment });
  },
  outputOf,
  onInterrupt: (listener) => {
    hasChild = true;
    onSignals(["SIGINT"], listener);
    return () => void (hasChild = false);
  },
  peerUser: loopbackPeerUser,
};

let interrupted: AbortSignal | null = null;
let hasChild = false;

const program = {
  name: "tsh",
  summary: "Logs in to a cluster and connects to its databases.",
  version,
  commands: clientCommands,
  groups: clientGroups,
};
exit(await runProgram(program, commandLine(), powers));
