/** Processes of a measurement: those it starts, and its own. */
import { cpuUsage, memoryUsage } from "node:process";
import { fromFileUrl } from "../lab/paths.ts";
import { must } from "../lab/tools.ts";

/** CPU that this process has used, user and system. */
export function ownCpuMs(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1000;
}

/** Resident memory of this process. */
export function ownMemoryKiB(): number {
  return memoryUsage.rss() / 1024;
}

/** How to run one of our own mains beside this file. */
export function mainOf(name: string): readonly string[] {
  const path = fromFileUrl(new URL(`./${name}.ts`, import.meta.url));
  return [Deno.execPath(), "run", "--quiet", "-A", path];
}

/** Runs one of our own mains to its end; what it printed is JSON. */
export async function resultOf<T>(
  name: string,
  args: readonly string[],
  timeoutMs: number,
): Promise<T> {
  const [program = "", ...first] = mainOf(name);
  return JSON.parse(await must(program, [...first, ...args], { timeoutMs }));
}
