import { Fifo } from "../fifo.ts";
import { limits } from "./limits.ts";
import { wireError } from "./message.ts";
import type { Change, Portal, Prepared } from "./names.ts";
import type { Statement, StreamedStatement } from "../protocol.ts";

/** What the answers need of a statement; the text is empty where it was told in pieces. */
type Asked = Pick<Statement, "id" | "text">;

/** What the client asked for and the database has yet to answer, in order. */
export type Pending =
  | { readonly kind: "parse"; readonly change: Change; readonly prepared: Prepared }
  /** A Parse that was told as a statement of its own, since it was too long to be held. */
  | {
    readonly kind: "parse";
    readonly change: Change;
    readonly prepared: Prepared;
    readonly statement: StreamedStatement;
  }
  | { readonly kind: "bind"; readonly change: Change; readonly portal: Portal }
  /** `prepared` where a statement is described: its parameters' types may follow. */
  | { readonly kind: "describe"; readonly prepared: Prepared | undefined }
  | { readonly kind: "close"; readonly change: Change }
  | {
    readonly kind: "execute";
    readonly statement: Asked;
    readonly portal: Portal | undefined;
  }
  | {
    readonly kind: "query";
    readonly statement: Asked;
    readonly group: number;
    /** What a simple query does to the unnamed statement. */
    readonly change: Change;
    /** The text was not UTF-8. */
    readonly notUtf8: boolean;
  }
  | { readonly kind: "function"; readonly statement: Asked; readonly group: number }
  | { readonly kind: "sync"; readonly group: number }
  | { readonly kind: "copyData"; bytes: number }
  | { readonly kind: "copyEnd"; readonly failed: boolean };

/** A queue of {@linkcode Pending}, bounded in count and in the bytes that it keeps alive. */
export class PendingQueue {
  readonly #items = new Fifo<Pending>();
  #bytes = 0;

  get length(): number {
    return this.#items.length;
  }

  /** The newest, if it still waits. */
  get last(): Pending | undefined {
    return this.#items.last;
  }

  push(item: Pending, messageName: string): void {
    this.#bytes += weight(item);
    if (this.length >= limits.pending || this.#bytes > limits.pendingBytes) {
      throw wireError("oversize", messageName, "too much was asked without an answer");
    }
    this.#items.push(item);
  }

  peek(): Pending | undefined {
    return this.#items.first;
  }

  shift(): Pending | undefined {
    const item = this.#items.shift();
    if (item !== undefined) this.#bytes -= weight(item);
    return item;
  }

  /** All that wait, oldest first. */
  [Symbol.iterator](): Generator<Pending> {
    return this.#items[Symbol.iterator]();
  }

  /** The changes of names that wait, oldest first. */
  *changes(): Generator<Change> {
    for (const item of this) {
      if ("change" in item) yield item.change;
    }
  }
}

function weight(item: Pending): number {
  switch (item.kind) {
    case "parse":
      return item.prepared.text.length;
    case "bind":
      return item.portal.keptBytes;
    case "query":
    case "execute":
    case "function":
      return item.statement.text.length;
    default:
      return 0;
  }
}
