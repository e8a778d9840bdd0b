/** An environment variable; undefined where it is unset or empty. */
export function environmentVariable(name: string): string | undefined {
  const value = Deno.env.get(name);
  return value === "" ? undefined : value;
}

/** What the launcher of the portable executables sets for its own program. */
const launchers = ["REMOTELER_EXECUTABLE", "DENO_DIR", "DENO_NO_UPDATE_CHECK"];

/** The environment for children: all of ours, but for what our launcher added. */
export function environment(): Readonly<Record<string, string>> {
  const all = Deno.env.toObject();
  if (all["REMOTELER_EXECUTABLE"] === undefined) return all;
  return Object.fromEntries(Object.entries(all).filter(([name]) => !launchers.includes(name)));
}

/** The machine's name. */
export function hostname(): string {
  return Deno.hostname();
}

/** The user id of this process; null where the system has none. */
export function userId(): number | null {
  return Deno.uid();
}

/** Arguments of the command line, without the executable. */
export function commandLine(): readonly string[] {
  return Deno.args;
}

/** "linux", "darwin", "windows", ... */
export const operatingSystem: string = Deno.build.os;

export function currentDirectory(): string {
  return Deno.cwd();
}

/** Path of the executable that the product is; null where it runs from its sources. */
export function ownExecutable(): string | null {
  const launched = environmentVariable("REMOTELER_EXECUTABLE");
  if (launched !== undefined) return launched;
  return Deno.build.standalone ? Deno.execPath() : null;
}
