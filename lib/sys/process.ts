import { Fault } from "../core/fault.ts";
import { environment } from "./env.ts";

export interface RunOptions {
  /** Added to this process's environment. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * Runs a program on our terminal until it ends; gives its exit code (128 + n after a signal).
 * While it runs, Ctrl-C is the program's. Fault `sys.no-program` where it isn't installed.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<number> {
  const ignored = () => {};
  Deno.addSignalListener("SIGINT", ignored);
  try {
    const child = new Deno.Command(program, {
      args: [...args],
      clearEnv: true,
      env: { ...environment(), ...options.environment },
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    }).spawn();
    return (await child.status).code;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Fault({
      kind: "missing",
      code: "sys.no-program",
      message: `${program} is not installed or not on PATH`,
      shown: `${program} is not installed or not on PATH`,
      cause: error,
    });
  } finally {
    Deno.removeSignalListener("SIGINT", ignored);
  }
}

/** What a program prints on stdout; empty where it can't be started. */
export async function outputOf(program: string, args: readonly string[]): Promise<string> {
  const command = new Deno.Command(program, {
    args: [...args],
    clearEnv: true,
    env: { ...environment() },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  });
  const done = await command.output().catch(() => null);
  return done === null ? "" : new TextDecoder().decode(done.stdout);
}

/** The path of a program on PATH; null where there is none. */
export async function findProgram(name: string): Promise<string | null> {
  for (const directory of (Deno.env.get("PATH") ?? "").split(":")) {
    if (directory === "") continue;
    const path = `${directory}/${name}`;
    const info = await Deno.stat(path).catch(() => null);
    if (info?.isFile === true && ((info.mode ?? 0) & 0o111) !== 0) return path;
  }
  return null;
}

/**
 * The user id that owns the other end of a TCP connection on this machine, by Linux's table of
 * sockets; null where it can't be told. `remote` and `local` are `host:port` as our socket has it.
 */
export async function loopbackPeerUser(remote: string, local: string): Promise<number | null> {
  const [theirs, ours] = [kernelAddress(remote), kernelAddress(local)];
  if (theirs === null || ours === null) return null;
  const isV6 = remote.startsWith("[");
  const found = await socketOwner(isV6 ? "tcp6" : "tcp", theirs, ours);
  if (found !== null || isV6) return found;
  // A program's IPv6 socket may have connected to our IPv4 address (JVMs do so).
  return await socketOwner("tcp6", mappedPrefix + theirs, mappedPrefix + ours);
}

/** `::ffff:0:0/96` as the kernel writes it. */
const mappedPrefix = "0000000000000000FFFF0000";

async function socketOwner(
  table: "tcp" | "tcp6",
  local: string,
  remote: string,
): Promise<number | null> {
  const text = await Deno.readTextFile(`/proc/net/${table}`).catch(() => "");
  for (const line of text.split("\n").slice(1)) {
    const [, localHex, remoteHex, , , , , user] = line.trim().split(/\s+/);
    if (localHex !== local || remoteHex !== remote) continue;
    return user !== undefined && /^\d+$/.test(user) ? Number(user) : null;
  }
  return null;
}

/** `0100007F:1F90`, as /proc/net/tcp writes `127.0.0.1:8080`; of IPv6 the loopback address only. */
export function kernelAddress(address: string): string | null {
  const parts = /^(?:\[(.+)\]|([0-9.]+)):(\d{1,5})$/.exec(address);
  if (parts === null) return null;
  const port = Number(parts[3]).toString(16).toUpperCase().padStart(4, "0");
  if (parts[1] !== undefined) {
    return parts[1] === "::1" ? `${"0".repeat(24)}01000000:${port}` : null;
  }
  const octets = (parts[2] ?? "").split(".").map(Number);
  if (octets.length !== 4 || octets.some((octet) => octet > 255)) return null;
  const host = octets.reverse().map((octet) => octet.toString(16).padStart(2, "0")).join("");
  return `${host.toUpperCase()}:${port}`;
}
