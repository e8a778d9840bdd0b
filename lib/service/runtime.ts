import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Random } from "../core/random.ts";
import type { Diagnostics } from "./diagnostics.ts";

/** What every service of a process shares. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly version: string;
  /** Name of this machine, for lists. */
  readonly nodename: string;
  readonly dataDir: string;
  readonly diagnostics: Diagnostics;
}

/** A part of the process that was started. */
export interface Running {
  /** Takes no new work and lets the old finish, for at most `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
  /** Ends everything now; safe to call twice, also after `drain`. */
  stop(): Promise<void>;
}

/** `host:port` of an address to dial, where a listener may say "any". */
export function dialable(
  address: { readonly host: string; readonly port: number },
): { readonly host: string; readonly port: number } {
  const { host, port } = address;
  if (host === "0.0.0.0" || host === "") return { host: "127.0.0.1", port };
  return host === "::" ? { host: "::1", port } : address;
}
