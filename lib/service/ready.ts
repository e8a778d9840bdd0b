/** What is told once everything listens: a log line for each service, and a file for scripts. */
import type { Address } from "../config/mod.ts";
import { writeAddress } from "../config/mod.ts";
import type { Log } from "../core/log.ts";
import { writeAtomic } from "../sys/files.ts";

export class Ready {
  readonly #log: Log;
  readonly #told: Record<string, string> = {};

  constructor(log: Log) {
    this.#log = log;
  }

  /** A service that listens, at the very address. */
  listens(service: string, address: Address): void {
    this.#told[`${service}_address`] = writeAddress(address);
    this.#log.info("ready", { service, address: writeAddress(address) });
  }

  /** A service that only dials. */
  works(service: string): void {
    this.#log.info("ready", { service });
  }

  knows(name: string, value: string): void {
    this.#told[name] = value;
  }

  /** `{"auth_address", "proxy_address", "ca_pin"}`, as far as they are known. */
  async write(path: string): Promise<void> {
    await writeAtomic(path, `${JSON.stringify(this.#told, null, 2)}\n`);
  }
}
