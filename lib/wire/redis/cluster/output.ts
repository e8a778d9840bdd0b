/** What goes to the client: replies in the order of its commands, messages in between. */
import type { SpreadPowers } from "../../spread.ts";
import { types } from "../resp.ts";
import { type ClusterNode, gatheredBytesMax } from "./node.ts";
import type { Entry, Pending } from "./pending.ts";

/** Held for the client; above it nodes whose turn it isn't are held back. */
const heldBytesMax = 1024 * 1024;

export class Output {
  readonly #pending: Pending;
  readonly #powers: SpreadPowers;
  readonly #messages: Uint8Array[] = [];
  /** Of messages and of replies whose turn has not come. */
  #heldBytes = 0;
  /** Whose reply is passing to the client, and whether it is a message. */
  #passing: { readonly node: ClusterNode; readonly isMessage: boolean } | null = null;
  readonly #heldBack = new Set<ClusterNode>();

  constructor(pending: Pending, powers: SpreadPowers) {
    this.#pending = pending;
    this.#powers = powers;
  }

  /** A reply is kept until its turn. */
  kept(reply: Uint8Array): void {
    this.#heldBytes += reply.length;
  }

  message(bytes: Uint8Array): void {
    if (this.#passing === null) {
      this.#powers.forward(bytes);
      return;
    }
    this.#heldBytes += bytes.length;
    this.#messages.push(bytes);
  }

  /** Whether the long reply that the node is in the middle of may pass as it comes. */
  mayPass(node: ClusterNode): boolean {
    if (this.#passing !== null) return false;
    const isMessage = node.firstByte === types.push ||
      (node.firstByte === types.array && node.isSubscribed);
    if (!isMessage && !this.#isTurnOf(node)) return false;
    this.#passing = { node, isMessage };
    return true;
  }

  #isTurnOf(node: ClusterNode): boolean {
    const [expected] = node.expected;
    if (expected?.for !== "part" || node.firstByte === types.error) return false;
    const { entry } = expected.part;
    return entry === this.#pending.front && entry.parts.length === 1 && entry.seen === null &&
      !entry.isQuiet;
  }

  /** A piece of it; gives the entry that is answered with its end. */
  passes(node: ClusterNode, bytes: Uint8Array, isEnd: boolean): Entry | null {
    this.#powers.forward(bytes);
    if (!isEnd) return null;
    const isMessage = this.#passing?.isMessage === true;
    this.#passing = null;
    if (isMessage) return null;
    const expected = node.expected.shift();
    return expected?.for === "part" ? expected.part.entry : null;
  }

  /** A node is gone: whether the client has half a reply of it. */
  isHalf(node: ClusterNode): boolean {
    return this.#passing?.node === node;
  }

  /** Lets go what may go. */
  flush(): void {
    while (this.#passing === null) {
      const message = this.#messages.shift();
      if (message !== undefined) {
        this.#heldBytes -= message.length;
        this.#powers.forward(message);
        continue;
      }
      const front = this.#pending.front;
      if (front === undefined || front.answer === null) return;
      for (const { reply } of front.parts) this.#heldBytes -= reply?.length ?? 0;
      if (!front.isQuiet && front.answer.length > 0) this.#powers.forward(front.answer);
      this.#pending.shift();
    }
  }

  /** Holds back those whose replies would only be kept. */
  balance(nodes: readonly ClusterNode[]): void {
    let held = this.#heldBytes;
    for (const node of nodes) held += node.heldBytes;
    if (held > gatheredBytesMax) {
      this.#powers.fail("the nodes of the cluster say more at once than can be put in order");
    }
    if (held <= heldBytesMax && this.#heldBack.size === 0) return;
    for (const node of nodes) {
      const back = held > heldBytesMax && !this.#isAwaited(node);
      if (back === this.#heldBack.has(node)) continue;
      if (back) this.#heldBack.add(node);
      else this.#heldBack.delete(node);
      this.#powers.hold(node.connection, back);
    }
  }

  #isAwaited(node: ClusterNode): boolean {
    if (this.#passing !== null) return this.#passing.node === node;
    const front = this.#pending.front;
    return front === undefined ||
      front.parts.some((part) => part.node === node && part.reply === null);
  }
}
