import type { VerifyReport } from "../audit/verify.ts";
import type { AuthClient } from "../api/contract.ts";
import type { BasePowers } from "../cli/mod.ts";
import type { Config, Secrets } from "../config/mod.ts";
import type { Clock } from "../core/clock.ts";
import type { Random } from "../core/random.ts";

/** What the administrator's commands are handed; each capability is made when first used. */
export interface AdminPowers extends BasePowers {
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: AdminFiles;
  /** An environment variable; undefined where it isn't set. */
  env(name: string): string | undefined;
  hostname(): string;
  /** Path of this executable; null where it runs from its sources. */
  executable(): string | null;
  /** Calls Auth as the built-in `admin` over `data_dir/auth.sock`. */
  auth(dataDir: string): Promise<AuthClient>;
  /** Runs the services of a configuration until they are told to stop; gives the exit code. */
  serve(order: ServeOrder): Promise<number>;
  /** The path of a program on PATH; null where there is none. */
  findProgram(name: string): Promise<string | null>;
  /** Runs a program on this terminal; gives its exit code. */
  runProgram(program: string, args: readonly string[]): Promise<number>;
  /** Checks an audit log's files offline. */
  verifyAudit(order: VerifyOrder): Promise<VerifyReport>;
}

export interface AdminFiles {
  /** A fault (`missing`, `denied`, ...) where it can't be read. */
  readText(path: string): Promise<string>;
  /** Writes whole or not at all; a fault `conflict` where it is there and `replace` is false. */
  writeText(
    path: string,
    text: string,
    options: { readonly mode: number; readonly replace: boolean },
  ): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** No fault where it doesn't exist. */
  remove(path: string): Promise<void>;
  /** With those above it, 0700. */
  makeDirectory(path: string): Promise<void>;
}

export interface ServeOrder {
  readonly config: Config;
  readonly secrets: Secrets;
  /** Written as JSON once everything listens; null for none. */
  readonly readyFile: string | null;
}

export interface VerifyOrder {
  /** Folder of the daily files. */
  readonly dir: string;
  /** Heads that were kept elsewhere, as `audit head` prints them, one JSON object each. */
  readonly heads: readonly string[];
  /** PEM of the audit CA certificates to trust. */
  readonly authorities: string;
}
