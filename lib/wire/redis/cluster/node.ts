/** One server of the cluster as a session sees it: what it owes, and what it is saying. */
import type { ServerAddress } from "../../spread.ts";
import { limits } from "../limits.ts";
import { ReplyReader, type SeenReply } from "../reply_reader.ts";
import { types } from "../resp.ts";
import type { Entry, Part } from "./pending.ts";

/** What the next reply of a node is for. */
export type Expected =
  /** A part of what the client asked. */
  | { readonly for: "part"; readonly part: Part }
  /** Confirmations of a subscription, each told as a message; an error ends them. */
  | { readonly for: "confirmations"; readonly entry: Entry; readonly name: string; left: number }
  /** Something of ours; `done` is handed the whole of it. */
  | { readonly for: "us"; readonly done: ((reply: Uint8Array, seen: SeenReply) => void) | null };

/** What a node said, in one piece or the last piece of it. */
export interface Heard {
  reply(node: ClusterNode, bytes: Uint8Array, seen: SeenReply): void;
  message(node: ClusterNode, bytes: Uint8Array, seen: SeenReply): void;
  /** A reply is too long to be held; true where it may pass to the client as it comes. */
  mayPass(node: ClusterNode): boolean;
  passes(node: ClusterNode, bytes: Uint8Array, isEnd: boolean): void;
}

/** A reply that is longer passes as it comes once its turn is there. */
const heldWholeBytes = 64 * 1024;
const messages: ReadonlySet<string> = new Set(["message", "pmessage", "smessage"]);
/** A line of MONITOR: seconds, and in brackets who. */
const monitorLine = /^\d+\.\d{6} \[/;
export const confirmations: ReadonlySet<string> = new Set([
  ...["subscribe", "psubscribe", "ssubscribe"],
  ...["unsubscribe", "punsubscribe", "sunsubscribe"],
]);

export class ClusterNode {
  readonly connection: string;
  #address: ServerAddress;
  #endpoint: string;
  state: "opening" | "open" | "lost" = "opening";
  /** Until it is open: what goes out then. */
  unsent: Uint8Array[] = [];
  /** While a command's bytes pass one by one: what waits for its end. */
  behind: Uint8Array[] | null = null;
  readonly expected: Expected[] = [];
  /** Subscriptions that the client hears from this one. */
  channels = 0;
  patterns = 0;
  shardChannels = 0;
  monitoring = false;
  /** A command with a key was sent there. */
  hasHeardKeys = false;
  /** Between MULTI and EXEC, as far as it was told. */
  isInTransaction = false;
  readonly #reader = new ReplyReader();
  #partial: Uint8Array[] = [];
  #partialBytes = 0;
  #passing = false;
  #from = 0;

  constructor(connection: string, address: ServerAddress, endpoint: string) {
    this.connection = connection;
    this.#address = address;
    this.#endpoint = endpoint;
  }

  get address(): ServerAddress {
    return this.#address;
  }

  /** `host:port`; empty while that isn't known. */
  get endpoint(): string {
    return this.#endpoint;
  }

  /** Learns which node of the cluster it is. */
  place(endpoint: string, address: ServerAddress): void {
    this.#endpoint = endpoint;
    this.#address = address;
  }

  /** Of a reply that isn't whole. */
  get heldBytes(): number {
    return this.#partialBytes;
  }

  get isSubscribed(): boolean {
    return this.channels + this.patterns + this.shardChannels > 0;
  }

  /** Reads on; whole replies and messages are told one by one. */
  push(chunk: Uint8Array, heard: Heard): void {
    this.#from = 0;
    this.#reader.push(chunk, {
      reply: (seen, end) => {
        const bytes = chunk.subarray(this.#from, end);
        this.#from = end;
        this.#complete(bytes, seen, heard);
      },
    });
    if (this.#from === chunk.length) return;
    const rest = chunk.subarray(this.#from);
    if (this.#passing) {
      heard.passes(this, rest, false);
      return;
    }
    this.#partial.push(rest);
    this.#partialBytes += rest.length;
    this.passOn(heard);
  }

  /** Lets what is held of a long reply pass, where it may by now. */
  passOn(heard: Heard): void {
    if (this.#passing || this.#partialBytes < heldWholeBytes || !heard.mayPass(this)) return;
    this.#passing = true;
    const held = this.#take();
    for (const bytes of held) heard.passes(this, bytes, false);
  }

  /** The first byte of a reply that isn't whole, 0 where there is none. */
  get firstByte(): number {
    return this.#partial[0]?.[0] ?? 0;
  }

  #complete(last: Uint8Array, seen: SeenReply, heard: Heard): void {
    if (this.#passing) {
      this.#passing = false;
      heard.passes(this, last, true);
      return;
    }
    const bytes = this.#partial.length === 0 ? last : joined([...this.#take(), last]);
    if (this.#isMessage(seen)) heard.message(this, bytes, seen);
    else heard.reply(this, bytes, seen);
  }

  #take(): Uint8Array[] {
    const taken = this.#partial;
    this.#partial = [];
    this.#partialBytes = 0;
    return taken;
  }

  /** Told of the node's own accord, or a confirmation, which is told as if it were. */
  #isMessage(seen: SeenReply): boolean {
    if (seen.type === types.push) return true;
    if (this.monitoring && seen.type === types.status && monitorLine.test(seen.line)) return true;
    if (seen.type !== types.array) return false;
    const isAwaited = this.expected[0]?.for === "confirmations";
    if (!this.isSubscribed && !isAwaited) return false;
    return messages.has(seen.kind) || confirmations.has(seen.kind);
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** A reply of one node that is combined with others is held whole: no more than this of all. */
export const gatheredBytesMax = 64 * 1024 * 1024;
/** A confirmation whose channel has a longer name passes with its node's own count. */
export const confirmationBytesMax: number = limits.loginBytes;
