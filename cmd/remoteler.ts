/** `remoteler`: the services, and the administrator's tool. Wiring only. */
import { adminCommands, adminGroups, type AdminPowers } from "../lib/admin/mod.ts";
import { runProgram } from "../lib/cli/mod.ts";
import { version } from "../lib/core/version.ts";
import { authSocket } from "../lib/service/auth_socket.ts";
import { commandFiles } from "../lib/service/command_files.ts";
import { interruption } from "../lib/service/interruption.ts";
import { systemClock } from "../lib/sys/clock.ts";
import { commandLine, environmentVariable, hostname, ownExecutable } from "../lib/sys/env.ts";
import { findProgram, runProgram as launch } from "../lib/sys/process.ts";
import { systemRandom } from "../lib/sys/random.ts";
import { exit } from "../lib/sys/signals.ts";
import { standardStreams } from "../lib/sys/terminal.ts";

const powers: AdminPowers = {
  terminal: standardStreams,
  // Made when a command first waits for something, so that until then Ctrl-C simply ends it.
  get signal() {
    return interrupted ??= interruption(() => hasChild);
  },
  version,
  clock: systemClock,
  random: systemRandom,
  files: commandFiles,
  env: environmentVariable,
  hostname,
  executable: ownExecutable,
  findProgram,
  auth: authSocket,
  runProgram: async (program, args) => {
    hasChild = true;
    return await launch(program, args).finally(() => (hasChild = false));
  },
  serve: async (order) => (await import("../lib/service/serve.ts")).serve(order),
  verifyAudit: async (order) => {
    const { verifyAuditFiles } = await import("../lib/service/verify_audit.ts");
    return await verifyAuditFiles({ ...order, signal: powers.signal });
  },
};

let interrupted: AbortSignal | null = null;
let hasChild = false;

const program = {
  name: "remoteler",
  summary: "Runs Remoteler's services and administers a cluster.",
  version,
  commands: adminCommands,
  groups: adminGroups,
};
exit(await runProgram(program, commandLine(), powers));
