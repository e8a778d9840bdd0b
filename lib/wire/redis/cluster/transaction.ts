/** MULTI, WATCH and what is between: all of it happens at one node, that of the first key. */
import { type Command } from "../commands.ts";
import { errorReply, status } from "../resp.ts";
import { ours } from "./answers.ts";
import type { ClusterNode } from "./node.ts";
import { newPart } from "./pending.ts";
import { crossSlot } from "./combine.ts";
import { firstSlot, slotsOf } from "./route.ts";
import type { Sending } from "./sending.ts";

/** Commands without a key that wait for the first one that has one. */
const heldBytesMax = 64 * 1024;

const ok = status("OK");
const queued = status("QUEUED");
const nothing = new TextEncoder().encode("*0\r\n");
const nested = errorReply("ERR MULTI calls can not be nested");
const discarded = errorReply("EXECABORT Transaction discarded: a node of the cluster was lost");
const noMulti = (name: string) => errorReply(`ERR ${name.toUpperCase()} without MULTI`);
const tooMuch = errorReply(
  "ERR too many commands of a transaction before its first key; hint: begin with one with a key",
);
const elsewhere = errorReply(
  "CROSSSLOT Keys in request don't hash to the same slot: " +
    "another node has the keys that are watched",
);

interface Multi {
  node: ClusterNode | null;
  held: Uint8Array[];
  heldBytes: number;
  isLost: boolean;
}

export class Transaction {
  readonly #to: Sending;
  #multi: Multi | null = null;
  #watched: ClusterNode | null = null;
  #watchLost = false;

  constructor(to: Sending) {
    this.#to = to;
  }

  get isOpen(): boolean {
    return this.#multi !== null;
  }

  /** True where the command is dealt with. */
  take(command: Command, args: readonly Uint8Array[], bytes: Uint8Array): boolean {
    switch (command.name) {
      case "multi":
        this.#begin(bytes);
        return true;
      case "exec":
      case "discard":
        this.#finish(command.name, bytes);
        return true;
      case "unwatch":
        if (this.#multi !== null) break;
        this.#unwatch(bytes);
        return true;
      case "watch":
        if (this.#multi !== null) break;
        this.#watch(command, args, bytes);
        return true;
    }
    if (this.#multi === null) return false;
    this.#queue(this.#multi, command, args, bytes);
    return true;
  }

  /** The node of a long command inside MULTI; null where there is no transaction. */
  nodeFor(slot: number): ClusterNode | null {
    const multi = this.#multi;
    if (multi === null || multi.isLost) return null;
    if (multi.node === null) this.#pin(multi, this.#to.owner(slot));
    return multi.node;
  }

  lost(node: ClusterNode): void {
    if (this.#watched === node) {
      this.#watched = null;
      this.#watchLost = true;
    }
    if (this.#multi?.node === node) {
      this.#multi.node = null;
      this.#multi.isLost = true;
    }
  }

  #begin(bytes: Uint8Array): void {
    if (this.#multi !== null) {
      if (this.#multi.node === null) this.#to.say(nested);
      else this.#send(this.#multi.node, bytes);
      return;
    }
    this.#multi = { node: this.#watched, held: [], heldBytes: 0, isLost: this.#watchLost };
    if (this.#watched === null) this.#to.say(ok);
    else {
      this.#send(this.#watched, bytes);
      this.#watched.isInTransaction = true;
    }
  }

  #finish(name: "exec" | "discard", bytes: Uint8Array): void {
    const multi = this.#multi;
    this.#multi = null;
    if (multi === null) {
      this.#to.say(noMulti(name));
      return;
    }
    this.#watched = null;
    this.#watchLost = false;
    if (multi.node !== null) multi.node.isInTransaction = false;
    if (multi.isLost) this.#to.say(name === "exec" ? discarded : ok);
    else if (multi.node !== null) this.#send(multi.node, bytes);
    else if (name === "discard") this.#to.say(ok);
    else if (multi.held.length === 0) this.#to.say(nothing);
    else {
      const home = this.#to.home();
      this.#pin(multi, home);
      if (home === null) this.#to.say(discarded);
      else {
        this.#send(home, bytes);
        home.isInTransaction = false;
      }
    }
  }

  #watch(command: Command, args: readonly Uint8Array[], bytes: Uint8Array): void {
    if (slotsOf(command, args).size > 1) {
      this.#to.say(crossSlot);
      return;
    }
    const slot = firstSlot(command, args) ?? -1;
    const node = slot < 0 ? this.#to.home() : this.#to.owner(slot);
    if (node === null) {
      this.#to.say(this.#to.unserved(slot));
      return;
    }
    if (this.#watched !== null && this.#watched !== node) {
      this.#to.say(elsewhere);
      return;
    }
    this.#watched = node;
    const entry = this.#to.entry({
      isBarrier: true,
      seen: (answer) => {
        // Where a redirect led.
        if (part.node !== null && part.node.state !== "lost") this.#watched = part.node;
        return answer;
      },
    });
    const part = newPart(entry, slot, bytes);
    this.#to.ask(part, node);
  }

  #unwatch(bytes: Uint8Array): void {
    const node = this.#watched;
    this.#watched = null;
    this.#watchLost = false;
    if (node === null) this.#to.say(ok);
    else this.#send(node, bytes);
  }

  #queue(
    multi: Multi,
    command: Command,
    args: readonly Uint8Array[],
    bytes: Uint8Array,
  ): void {
    if (multi.isLost) {
      this.#to.say(queued);
      return;
    }
    const slot = firstSlot(command, args);
    if (multi.node === null && slot === null) {
      multi.heldBytes += bytes.length;
      if (multi.heldBytes > heldBytesMax) {
        multi.isLost = true;
        this.#to.say(tooMuch);
        return;
      }
      multi.held.push(bytes);
      this.#to.say(queued);
      return;
    }
    if (multi.node === null) this.#pin(multi, this.#to.owner(slot ?? 0));
    if (multi.node === null) {
      multi.isLost = true;
      this.#to.say(this.#to.unserved(slot ?? 0));
      return;
    }
    this.#send(multi.node, bytes, slot ?? -1);
  }

  /** From here on the transaction is at this node, which hears what was held. */
  #pin(multi: Multi, node: ClusterNode | null): void {
    if (node === null) return;
    multi.node = node;
    node.isInTransaction = true;
    this.#to.tell(node, ours.multi);
    for (const bytes of multi.held) this.#to.tell(node, bytes);
    multi.held = [];
  }

  #send(node: ClusterNode, bytes: Uint8Array, slot = -1): void {
    this.#to.ask(newPart(this.#to.entry({}), slot, bytes, { follows: false }), node);
  }
}
