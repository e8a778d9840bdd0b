/**
 * Many Database Services in one process, each with an identity, tunnels, heartbeats and a cache of
 * its own: `fleet_agents.ts CONFIG DATABASES`. `add N` starts so many more; `count` says how many
 * of all are well, that is, have a tunnel that is up.
 */
import { configFault, type DbConfig, loadConfig, writeAddress } from "../../lib/config/mod.ts";
import { ownDirectory } from "../../lib/service/api_listener.ts";
import { startDbService } from "../../lib/service/db_service.ts";
import type { Runtime } from "../../lib/service/runtime.ts";
import { answerLines } from "./companion.ts";
import { joinAsAgent, noSpool, readMemberFile, runtimeOf } from "./member.ts";

const file = await readMemberFile(Deno.args[0] ?? "");
const databases = Number(Deno.args[1]);
const { remoteler } = file.config;
const { proxy_server } = remoteler;
const signal = new AbortController().signal;
const runtimes: Runtime[] = [];
/** Agents that start at the same time. */
const atOnce = 16;

await answerLines(async (line) => {
  const [what, count = ""] = line.split(" ");
  if (what === "add") await add(Number(count));
  return runtimes.filter(({ diagnostics }) => diagnostics.condition().problems.length === 0).length;
});
// Their connections end with the process, as when a machine is switched off.
Deno.exit(0);

async function add(count: number): Promise<void> {
  const first = runtimes.length;
  let next = first;
  const worker = async () => {
    while (next < first + count) await start(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

async function start(number: number): Promise<void> {
  const name = `agent-${String(number).padStart(5, "0")}`;
  const runtime = runtimeOf(name, `${remoteler.data_dir}/${name}`, "error");
  await ownDirectory(runtime.dataDir);
  const membership = await joinAsAgent(runtime, file, signal);
  runtime.diagnostics.expect("db");
  await startDbService({
    runtime,
    config: configOf(number),
    membership,
    proxyServer: proxy_server === undefined ? null : writeAddress(proxy_server),
    signal,
    openSpool: noSpool,
  });
  runtimes.push(runtime);
}

/** Databases that aren't there: nobody connects to them, and looking for them costs little. */
function configOf(number: number): DbConfig {
  const environments = ["production", "staging", "test"];
  const db_service = {
    databases: Array.from({ length: databases }, (_, index) => ({
      name: `db-${String(number).padStart(5, "0")}-${index}`,
      protocol: "postgres",
      uri: "127.0.0.1:1",
      description: `database ${index} of agent ${number}`,
      labels: {
        env: environments[number % environments.length],
        team: `team-${number % 40}`,
        region: `region-${number % 7}`,
      },
    })),
  };
  const from = { auth_server: "localhost:1", ca_pin: remoteler.ca_pin };
  const loaded = loadConfig(JSON.stringify({ version: "v1", remoteler: from, db_service }));
  if (!loaded.ok) throw configFault("fleet", loaded.issues);
  if (loaded.config.db_service === undefined) throw new Error("no databases");
  return loaded.config.db_service;
}
