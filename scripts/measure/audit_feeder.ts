/**
 * Records statements as an agent with 32 busy sessions does, as fast as its spool takes them:
 * `audit_feeder.ts CONFIG`. Each line is a number of statements to record; the answer comes when
 * Auth has acknowledged all of them: `{"seconds", "cpuMs"}`.
 */
import { sha256Stream } from "../../lib/sys/hash.ts";
import { setImmediate } from "node:timers";
import { SessionRecord, type Visitor } from "../../lib/db/record.ts";
import { readTargets } from "../../lib/db/targets.ts";
import { openShippedSpool } from "../../lib/service/audit_spool.ts";
import { ownDirectory } from "../../lib/service/api_listener.ts";
import { protocols } from "../../lib/wire/mod.ts";
import type { Statement, StatementResult } from "../../lib/wire/protocol.ts";
import { answerLines } from "./companion.ts";
import { joinAsAgent, readMemberFile, runtimeOf } from "./member.ts";
import { ownCpuMs } from "./process.ts";

const file = await readMemberFile(Deno.args[0] ?? "");
const { data_dir } = file.config.remoteler;
await ownDirectory(data_dir);
const runtime = runtimeOf("feeder", data_dir);
const { clock, random } = runtime;
const ended = new AbortController();
const membership = await joinAsAgent(runtime, file, ended.signal);
const { client } = membership;
const { spool, shipper, close } = await openShippedSpool({ runtime, role: "db", client });

const config = { name: "orders", protocol: "postgres", uri: "localhost:5432" };
const [target] = readTargets([config], protocols).values();
if (target === undefined) throw new Error("no target");
const visitor: Visitor = {
  sid: random.uuid(),
  identity: null,
  address: "192.0.2.7:4711",
  proxy: random.uuid(),
  endToEnd: false,
  trace: random.uuid(),
  program: "pgbench",
  user: "bench",
  database: "bench",
};
const sessions = Array.from(
  { length: 32 },
  () =>
    new SessionRecord({ spool, clock, random, textHash: sha256Stream }, {
      ...visitor,
      sid: random.uuid(),
    }, target),
);
const result: StatementResult = {
  outcome: "done",
  success: true,
  error: null,
  rows: 1,
  results: [{ tag: "SELECT 1", rows: 1 }],
  bytesSent: 66,
  bytesReceived: 0,
  copy: null,
  transactionStatus: "idle",
  cancelled: false,
};

await answerLines(async (line) => {
  const [from, fromCpu] = [performance.now(), ownCpuMs()];
  await record(Number(line));
  await shipper.drained(ended.signal);
  return { seconds: (performance.now() - from) / 1000, cpuMs: ownCpuMs() - fromCpu };
});
await close(3000);
await membership.close();
Deno.exit(0);

/** In each turn every session has a statement recorded, waits until it is safe, and its result. */
async function record(statements: number): Promise<void> {
  for (let id = 1; id * sessions.length <= statements; id++) {
    for (const session of sessions) session.statement(statementOf(id));
    await new Promise<void>((resolve, reject) => {
      spool.settle("strict", (fault) => fault === null ? resolve() : reject(fault));
    });
    for (const session of sessions) session.result(id, result);
    // As between two reads of a socket: the shipper gets its turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function statementOf(id: number): Statement {
  return {
    id,
    text: `SELECT abalance FROM pgbench_accounts WHERE aid = ${100_000 + id};`,
    command: "query",
    statementName: "",
    portalName: "",
    parameters: [],
    reexecution: false,
    fingerprint: "5f0c3b6a9d2e1f48",
  };
}
