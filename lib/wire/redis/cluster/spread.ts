/** A cluster as one big Redis: the session's commands go to their nodes, replies come in order. */
import type { Spread, SpreadPowers, SpreadTerms } from "../../spread.ts";
import type { SeenReply } from "../reply_reader.ts";
import { errorReply, types, wireError } from "../resp.ts";
import { ours } from "./answers.ts";
import { Commands } from "./commands.ts";
import { type Asked, Inbox } from "./inbox.ts";
import type { ClusterNode, Heard } from "./node.ts";
import { Nodes } from "./nodes.ts";
import { Output } from "./output.ts";
import {
  answered,
  type Entry,
  type EntryMarks,
  newEntry,
  newPart,
  type Part,
  Pending,
} from "./pending.ts";
import type { Sending } from "./sending.ts";
import { readRedirect, type Redirect } from "./topology.ts";

/** Commands sent and not answered, and their bytes, which are kept in case of a redirect. */
const pendingMax = 20_000;
const sentBytesMax = 4 * 1024 * 1024;
const redirectsMax = 5;
/** A slot on the move is asked again so often, so many milliseconds apart. */
const retriesMax = 40;
const retryMs = 50;
/** While something is awaited, it is asked so often who has which slots. */
const lookMs = 5_000;

const tooOften = errorReply("CLUSTERDOWN the nodes of the cluster send this command in a circle");
const elsewhere = errorReply(
  "CROSSSLOT Keys in request don't hash to the same slot: " +
    "all keys of a transaction have to be at one node",
);
const movedAway = errorReply("TRYAGAIN the slot has moved to another node meanwhile: begin again");
const lostMidway = errorReply(
  "CLUSTERDOWN the connection to the node was lost; the command may have been run or not",
);

class ClusterSpread implements Spread, Sending, Heard {
  readonly #powers: SpreadPowers;
  readonly #nodes: Nodes;
  readonly #pending = new Pending();
  readonly #output: Output;
  readonly #inbox = new Inbox();
  readonly #commands: Commands;
  /** Sent elsewhere than at first: what comes after them waits. */
  readonly #moving = new Set<Part>();
  /** To be sent again after a while, and once it is known who has which slots. */
  #later: Part[] = [];
  #unsent: Part[] = [];
  #long: ClusterNode | null = null;
  #sentBytes = 0;
  #isGoing = false;
  #isEnding = false;
  #isOver = false;
  #looks = false;

  constructor(terms: SpreadTerms, powers: SpreadPowers) {
    this.#powers = powers;
    this.#nodes = new Nodes(terms, powers, {
      refreshed: () => this.#refreshed(),
      failed: (why) => this.#fail(why),
      left: (node) => this.#gone(node),
    });
    this.#output = new Output(this.#pending, powers);
    this.#commands = new Commands(terms, this, this.#nodes);
    this.#nodes.begin();
  }

  get isFull(): boolean {
    return this.#inbox.isFull;
  }

  client(chunk: Uint8Array): void {
    this.#inbox.push(chunk);
    this.#go();
  }

  ended(): void {
    this.#isEnding = true;
    this.#go();
  }

  server(connection: string, chunk: Uint8Array): void {
    this.#nodes.named(connection)?.push(chunk, this);
    this.#go();
  }

  opened(connection: string): void {
    this.#nodes.opened(connection);
    this.#go();
  }

  lost(connection: string, why: string): void {
    const known = this.#nodes.named(connection);
    if (known === undefined || this.#isOver) return;
    const wasOpen = known.state === "open";
    this.#nodes.lost(connection);
    if (this.#nodes.topology === null) return this.#fail(why);
    const isHeard = known.isSubscribed || known.monitoring || this.#output.isHalf(known);
    if (isHeard) {
      return this.#fail(`a node of the cluster was lost that the client listened to: ${why}`);
    }
    this.#commands.lost(known);
    if (this.#long === known) this.#long = null;
    for (const expected of known.expected.splice(0)) {
      if (expected.for === "confirmations") expected.entry.answer = lostMidway;
      else if (expected.for === "part") this.#orphaned(expected.part, wasOpen);
    }
    const flush = this.#commands.invalidation;
    if (flush !== null && wasOpen) this.#output.message(flush);
    this.#nodes.refresh();
    this.#go();
  }

  wake(): void {
    this.#nodes.forgive();
    const again = this.#later;
    this.#later = [];
    for (const part of again) this.#resend(part);
    if (this.#looks) {
      this.#looks = false;
      if (this.#pending.count > 0) this.#nodes.refresh();
    }
    this.#go();
  }

  room(): void {
    this.#go();
  }

  // --- what the parts of the session use ---

  home(): ClusterNode | null {
    return this.#nodes.home();
  }

  owner(slot: number): ClusterNode | null {
    return slot < 0 ? this.#nodes.home() : this.#nodes.owner(slot);
  }

  unserved(slot: number): Uint8Array {
    const what = slot < 0 ? "no node" : `the node of hash slot ${slot}`;
    return errorReply(`CLUSTERDOWN ${what} can be reached at the moment`);
  }

  entry(marks: EntryMarks): Entry {
    const entry = newEntry({ ...marks, isQuiet: this.#commands.quietNext() });
    this.#pending.push(entry);
    return entry;
  }

  say(answer: Uint8Array): void {
    this.entry({}).answer = answer;
  }

  ask(part: Part, node: ClusterNode): void {
    part.node = node;
    node.hasHeardKeys ||= part.slot >= 0;
    if (part.bytes === null) return this.#nodes.beginLong(node, { for: "part", part });
    this.#sentBytes += part.bytes.length;
    this.#nodes.send(node, part.bytes, { for: "part", part });
  }

  tell(node: ClusterNode, bytes: Uint8Array): void {
    this.#nodes.tell(node, bytes, null);
  }

  // --- commands in their turn ---

  #go(): void {
    if (this.#isGoing || this.#isOver) return;
    this.#isGoing = true;
    try {
      this.#output.flush();
      while (this.#mayTake()) {
        const asked = this.#inbox.first;
        this.#inbox.shift();
        if (asked !== undefined) this.#take(asked);
        this.#output.flush();
      }
      for (const node of this.#nodes.all) node.passOn(this);
      this.#output.balance(this.#nodes.all);
    } finally {
      this.#isGoing = false;
    }
    this.#look();
    const isDone = this.#inbox.isEmpty && this.#pending.count === 0;
    if (!this.#isEnding || (!isDone && this.#pending.front?.blocks !== true)) return;
    this.#isOver = true;
    this.#powers.finish();
  }

  #mayTake(): boolean {
    const asked = this.#inbox.first;
    if (asked === undefined || this.#isOver || this.#nodes.topology === null) return false;
    if (asked.kind === "end") return true;
    if (this.#powers.isCongested()) return false;
    if (asked.kind === "more") return true;
    if (this.#pending.hasBarrier || this.#moving.size > 0 || this.#unsent.length > 0) return false;
    if (this.#pending.count === 0) {
      this.#sentBytes = 0;
      return true;
    }
    if (this.#pending.count >= pendingMax || this.#sentBytes > sentBytesMax) return false;
    return asked.kind !== "command" || !this.#commands.isAlone(asked.command);
  }

  #take(asked: Asked): void {
    switch (asked.kind) {
      case "command":
        return this.#commands.take(asked.command, asked.args, asked.bytes);
      case "begin":
        return this.#begin(asked.slot);
      case "refuse":
        return this.say(asked.answer);
      case "more":
      case "end":
        if (this.#long !== null) {
          this.#nodes.passLong(this.#long, asked.bytes, asked.kind === "end");
        }
        if (asked.kind === "end") this.#long = null;
    }
  }

  /** A command too long to be held: its bytes follow. */
  #begin(slot: number): void {
    const node = this.#commands.nodeFor(slot);
    if (node === null) return this.say(this.unserved(slot));
    this.#long = node;
    this.ask(newPart(this.entry({}), slot, null, { follows: false }), node);
  }

  // --- what nodes say ---

  reply(node: ClusterNode, bytes: Uint8Array, seen: SeenReply): void {
    const [expected] = node.expected;
    switch (expected?.for) {
      case undefined:
        throw wireError("unexpected", "reply", "answers nothing that was asked");
      case "us":
        node.expected.shift();
        expected.done?.(bytes, seen);
        return;
      case "confirmations":
        if (seen.type !== types.error) {
          throw wireError("unexpected", "reply", "is no confirmation");
        }
        this.#commands.subscriptions.refused(node, expected, bytes, seen);
        return;
      case "part":
        node.expected.shift();
        this.#replied(expected.part, bytes, seen);
    }
  }

  message(node: ClusterNode, bytes: Uint8Array, seen: SeenReply): void {
    this.#output.message(this.#commands.subscriptions.message(node, bytes, seen));
  }

  mayPass(node: ClusterNode): boolean {
    return this.#output.mayPass(node);
  }

  passes(node: ClusterNode, bytes: Uint8Array, isEnd: boolean): void {
    const entry = this.#output.passes(node, bytes, isEnd);
    if (entry === null) return;
    for (const part of entry.parts) this.#moving.delete(part);
    this.#pending.shift();
  }

  #replied(part: Part, bytes: Uint8Array, seen: SeenReply): void {
    if (seen.type === types.error && part.node !== null) {
      const redirect = readRedirect(seen.line, part.node.address.host);
      if (redirect !== null) return this.#redirected(part, redirect);
      const isLater = seen.line.startsWith("TRYAGAIN") && part.follows && part.bytes !== null;
      if (isLater && part.retries < retriesMax) {
        part.retries += 1;
        this.#moving.add(part);
        this.#later.push(part);
        this.#powers.wakeIn(retryMs);
        return;
      }
    }
    this.answer(part, bytes);
  }

  #redirected(part: Part, redirect: Redirect): void {
    const wasThere = part.slot < 0 || this.#nodes.owner(part.slot) === part.node;
    if (part.bytes === null || !part.follows) {
      if (wasThere) this.#nodes.follow(redirect);
      return this.answer(part, wasThere ? movedAway : elsewhere);
    }
    const other = this.#nodes.follow(redirect);
    part.redirects += 1;
    if (part.redirects > redirectsMax) return this.answer(part, tooOften);
    if (other === null) return this.answer(part, this.unserved(redirect.slot));
    this.#moving.add(part);
    if (redirect.kind === "ask") this.tell(other, ours.asking);
    this.ask(part, other);
  }

  /** A part of an entry has its reply. */
  answer(part: Part, reply: Uint8Array): void {
    this.#moving.delete(part);
    this.#output.kept(reply);
    answered(part, reply);
  }

  // --- nodes that come and go ---

  /** Its node is gone: asked again elsewhere only where nobody can have heard it. */
  #orphaned(part: Part, wasOpen: boolean): void {
    const mayGo = !wasOpen && part.follows && part.bytes !== null;
    if (!mayGo || part.redirects >= redirectsMax) {
      return this.answer(part, wasOpen ? lostMidway : this.unserved(part.slot));
    }
    part.redirects += 1;
    this.#unsent.push(part);
  }

  #refreshed(): void {
    const parts = this.#unsent;
    this.#unsent = [];
    for (const part of parts) this.#resend(part);
    this.#go();
  }

  #resend(part: Part): void {
    const node = this.owner(part.slot);
    if (node === null) this.answer(part, this.unserved(part.slot));
    else this.ask(part, node);
  }

  #gone(node: ClusterNode): void {
    this.#powers.close(node.connection);
    this.lost(node.connection, "it has left the cluster");
  }

  /** A node that hangs is noticed by asking the others from time to time. */
  #look(): void {
    if (this.#looks || this.#pending.count === 0 || this.#isOver) return;
    this.#looks = true;
    this.#powers.wakeIn(lookMs);
  }

  #fail(why: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#powers.fail(why);
  }
}

/** For {@linkcode Protocol.spread}. */
export function spread(terms: SpreadTerms, powers: SpreadPowers): Spread {
  return new ClusterSpread(terms, powers);
}
