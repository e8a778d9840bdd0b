/** What processes hold in memory, over time. */
import { residentMiB } from "../lab/tools.ts";

export interface Sample {
  readonly at: number;
  readonly mib: number;
}

/** Resident memory of each process, once a second. */
export class MemorySampler {
  readonly samples = new Map<string, Sample[]>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(pids: Readonly<Record<string, number>>) {
    for (const name of Object.keys(pids)) this.samples.set(name, []);
    this.#timer = setInterval(() => {
      for (const [name, pid] of Object.entries(pids)) {
        this.samples.get(name)?.push({ at: Date.now(), mib: residentMiB(pid) });
      }
    }, 1000);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
