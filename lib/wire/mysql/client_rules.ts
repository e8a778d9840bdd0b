import { command } from "./commands.ts";
import { limits } from "./limits.ts";
import type { ReplyForm } from "./session.ts";

/** What a client may say, and what is made of it. */
export interface Rule {
  /** As the server's own log names it ("mysql.general_log"). */
  readonly name: string;
  readonly form: ReplyForm | "none";
  readonly maxBytes: number;
  /** What of its body stands in the record; absent: it is not recorded by itself. */
  readonly shows?: "nothing" | "name" | "number";
  /** For replicas, who read all that changes. */
  readonly isReplication?: true;
}

const { smallBytes, commandBytes, nameBytes } = limits;

const rules: ReadonlyMap<number, Rule> = new Map<number, Rule>([
  [command.quit, { name: "Quit", form: "none", maxBytes: smallBytes }],
  [command.initDb, { name: "Init DB", form: "ok", maxBytes: nameBytes, shows: "name" }],
  [command.query, { name: "Query", form: "results", maxBytes: commandBytes }],
  [command.fieldList, { name: "Field List", form: "columns", maxBytes: smallBytes, shows: "name" }],
  [command.createDb, { name: "Create DB", form: "ok", maxBytes: nameBytes, shows: "name" }],
  [command.dropDb, { name: "Drop DB", form: "ok", maxBytes: nameBytes, shows: "name" }],
  [command.refresh, { name: "Refresh", form: "ok", maxBytes: smallBytes, shows: "number" }],
  [command.shutdown, { name: "Shutdown", form: "ok", maxBytes: smallBytes, shows: "nothing" }],
  [command.statistics, { name: "Statistics", form: "text", maxBytes: 0, shows: "nothing" }],
  [command.processInfo, { name: "Processlist", form: "results", maxBytes: 0, shows: "nothing" }],
  [command.processKill, { name: "Kill", form: "ok", maxBytes: smallBytes, shows: "number" }],
  [command.debug, { name: "Debug", form: "ok", maxBytes: smallBytes, shows: "nothing" }],
  [command.ping, { name: "Ping", form: "ok", maxBytes: smallBytes }],
  [command.binlogDump, replication("Binlog Dump", "stream")],
  [command.binlogDumpGtid, replication("Binlog Dump GTID", "stream")],
  [command.registerSlave, replication("Register Slave", "ok")],
  [command.prepare, { name: "Prepare", form: "prepared", maxBytes: commandBytes }],
  [command.execute, { name: "Execute", form: "results", maxBytes: commandBytes }],
  [command.longData, { name: "Long Data", form: "none", maxBytes: commandBytes }],
  [command.closeStatement, { name: "Close stmt", form: "none", maxBytes: 4 }],
  [command.resetStatement, { name: "Reset stmt", form: "ok", maxBytes: 4 }],
  [command.setOption, { name: "Set option", form: "ok", maxBytes: 2 }],
  [command.fetch, { name: "Fetch", form: "rows", maxBytes: 8 }],
  [command.resetConnection, { name: "Reset Connection", form: "ok", maxBytes: smallBytes }],
  [command.bulkExecute, { name: "Bulk Execute", form: "results", maxBytes: commandBytes }],
]);

function replication(name: string, form: ReplyForm): Rule {
  return { name, form, maxBytes: smallBytes, shows: "nothing", isReplication: true };
}

/** Commands that are known by name and never let through. */
const refusedNames: ReadonlyMap<number, string> = new Map([
  [command.changeUser, "Change user"],
  [command.tableDump, "Table Dump"],
  [command.clone, "Clone"],
]);

/** Null where the command is not let through. */
export function ruleOf(code: number): Rule | null {
  return rules.get(code) ?? null;
}

export function nameOfCommand(code: number): string {
  return rules.get(code)?.name ?? refusedNames.get(code) ?? `command ${code}`;
}
