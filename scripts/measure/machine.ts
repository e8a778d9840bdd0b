/** What numbers were measured on. */
import { join } from "../lab/paths.ts";
import { must } from "../lab/tools.ts";
import { postgresPrograms } from "./ground.ts";

/** In one line, for each row. */
export async function machineOf(): Promise<string> {
  const info = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  const programs = await postgresPrograms();
  const version = programs === null
    ? ""
    : await must(join(programs.binaries.bin, "postgres"), ["--version"]);
  const cpu = /model name\s*:\s*(.+)/.exec(info)?.[1]?.trim() ?? Deno.build.arch;
  return [
    `${navigator.hardwareConcurrency} × ${cpu}`,
    `${Deno.build.os} ${Deno.osRelease()}`,
    `PostgreSQL ${/\d+\.\d+/.exec(version)?.[0] ?? "?"}`,
    `Deno ${Deno.version.deno}`,
  ].join(", ");
}
