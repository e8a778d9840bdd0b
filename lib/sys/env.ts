/** An environment variable; undefined where it is unset or empty. */
export function environmentVariable(name: string): string | undefined {
  const value = Deno.env.get(name);
  return value === "" ? undefined : value;
}

/** All environment variables, for children. */
export function environment(): Readonly<Record<string, string>> {
  return Deno.env.toObject();
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
