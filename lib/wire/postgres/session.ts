import { type StreamSizes, streamSizes } from "../streaming.ts";
import { Names } from "./names.ts";
import { type Pending, PendingQueue } from "./pending.ts";

/** What both directions of one session share. */
export class Session {
  readonly names = new Names();
  readonly pending = new PendingQueue();
  readonly sizes: StreamSizes;
  #lastId = 0;

  constructor(sizes: StreamSizes = streamSizes) {
    this.sizes = sizes;
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  lastId(): number {
    return this.#lastId;
  }

  asked(item: Pending, messageName: string): void {
    this.pending.push(item, messageName);
  }

  /** Bytes of COPY data passed; they count for the COPY that takes them, known by their place. */
  copyData(bytes: number): void {
    const last = this.pending.last;
    if (last?.kind === "copyData") last.bytes += bytes;
    else this.pending.push({ kind: "copyData", bytes }, "CopyData");
  }
}
