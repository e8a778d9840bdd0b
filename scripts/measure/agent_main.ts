/**
 * A Database Service put together as `remoteler start` does, for measuring what its record costs:
 * `agent_main.ts [--unrecorded] -c FILE --ready-file FILE`. No part of what is shipped.
 */
import { writeAddress } from "../../lib/config/mod.ts";
import { ownDirectory } from "../../lib/service/api_listener.ts";
import { startDbService } from "../../lib/service/db_service.ts";
import { joinAsAgent, noSpool, readMemberFile, runtimeOf, untilTold } from "./member.ts";

const isRecorded = !Deno.args.includes("--unrecorded");
const [configFile = "", readyFile = ""] = ["-c", "--ready-file"].map((name) =>
  Deno.args[Deno.args.indexOf(name) + 1]
);
const signal = untilTold();
const file = await readMemberFile(configFile);
const { remoteler, db_service } = file.config;
if (db_service === undefined) throw new Error("no db_service is configured");
await ownDirectory(remoteler.data_dir);
const runtime = runtimeOf(remoteler.nodename ?? "agent", remoteler.data_dir);
const membership = await joinAsAgent(runtime, file, signal);
const service = await startDbService({
  runtime,
  config: db_service,
  membership,
  proxyServer: remoteler.proxy_server === undefined ? null : writeAddress(remoteler.proxy_server),
  signal,
  ...(isRecorded ? {} : { openSpool: noSpool }),
});
await Deno.writeTextFile(`${readyFile}.new`, "{}");
await Deno.rename(`${readyFile}.new`, readyFile);
if (!signal.aborted) {
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}
await service.stop();
await membership.close();
Deno.exit(0);
