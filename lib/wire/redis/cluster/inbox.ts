/** What the client sent, cut into commands that wait for their turn. */
import type { CommandHandler, LongTreatment } from "../command_reader.ts";
import { CommandReader } from "../command_reader.ts";
import { type Command, commandOf } from "../commands.ts";
import { Fifo } from "../../fifo.ts";
import { streamSizes } from "../../streaming.ts";
import type { LongCommand } from "../long_command.ts";
import { errorReply } from "../resp.ts";
import { routeOf } from "./route.ts";

export type Asked =
  | {
    readonly kind: "command";
    readonly command: Command;
    readonly args: readonly Uint8Array[];
    readonly bytes: Uint8Array;
  }
  /** One that is too long to be held begins: it passes to the node of its slot as it comes. */
  | { readonly kind: "begin"; readonly slot: number }
  | { readonly kind: "more" | "end"; readonly bytes: Uint8Array }
  /** One that is too long to be held and whose key isn't known yet. */
  | { readonly kind: "refuse"; readonly answer: Uint8Array };

/** Above it the client has to wait. */
const fullBytes = 256 * 1024;

const unknownKey = errorReply(
  "ERR a command of more than 1 MiB has to name its key before its first long argument, and be " +
    "for one node of the cluster",
);

export class Inbox implements CommandHandler {
  readonly #reader = new CommandReader(streamSizes);
  readonly #items = new Fifo<Asked>();
  #bytes = 0;

  get first(): Asked | undefined {
    return this.#items.first;
  }

  get isFull(): boolean {
    return this.#bytes > fullBytes;
  }

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  push(chunk: Uint8Array): void {
    this.#reader.push(chunk, this);
  }

  shift(): void {
    this.#bytes -= sizeOf(this.#items.shift());
  }

  command(args: readonly Uint8Array[], bytes: Uint8Array): boolean {
    this.#add({ kind: "command", command: commandOf(args), args, bytes });
    return true;
  }

  blank(): void {}

  long(args: readonly Uint8Array[]): LongTreatment {
    const route = routeOf(commandOf(args), args, false);
    if (route.to !== "slot") {
      this.#add({ kind: "refuse", answer: unknownKey });
      return "drop";
    }
    this.#add({ kind: "begin", slot: route.slot });
    return "pass";
  }

  passes(bytes: Uint8Array): void {
    this.#add({ kind: "more", bytes });
  }

  ended(_: LongCommand, last: Uint8Array): void {
    if (last.length > 0) this.#add({ kind: "end", bytes: last });
  }

  #add(asked: Asked): void {
    this.#bytes += sizeOf(asked);
    this.#items.push(asked);
  }
}

function sizeOf(asked: Asked | undefined): number {
  return asked !== undefined && "bytes" in asked ? asked.bytes.length : 0;
}
