/** What becomes of each command of the client: which nodes hear it, or what is answered here. */
import type { SpreadTerms } from "../../spread.ts";
import { type Command, nameText } from "../commands.ts";
import { command as commandBytes, errorReply, status, types } from "../resp.ts";
import { clusterAnswer } from "./answers.ts";
import { withCursor } from "./combine.ts";
import type { ClusterNode } from "./node.ts";
import type { Nodes } from "./nodes.ts";
import { type EntryMarks, newPart } from "./pending.ts";
import { mayBlock, type Route, routeOf } from "./route.ts";
import { nextCursor, placeOf, tagsOf } from "./scan.ts";
import type { Sending } from "./sending.ts";
import { Subscriptions } from "./subscriptions.ts";
import { Transaction } from "./transaction.ts";

const ok = status("OK");
const encoder = new TextEncoder();
const noMore = encoder.encode("*2\r\n$1\r\n0\r\n*0\r\n");
const invalidated = encoder.encode(">2\r\n$10\r\ninvalidate\r\n_\r\n");
const noRedirect = errorReply(
  "ERR CLIENT TRACKING with REDIRECT is not possible with a cluster; hint: use RESP3 (HELLO 3)",
);

/** Settings of a connection that every node has to know. */
const settings: ReadonlySet<string> = new Set([
  ...["hello", "client|setname", "client|setinfo", "client|tracking"],
  ...["client|no-evict", "client|no-touch"],
]);
/** A redirect of what was asked before would send it into the transaction. */
const alone: ReadonlySet<string> = new Set(["multi", "monitor"]);
/** What is about replicas, or a step that is done here anyhow. */
const needless: ReadonlySet<string> = new Set(["readonly", "readwrite", "asking"]);

export class Commands {
  readonly #terms: SpreadTerms;
  readonly #to: Sending;
  readonly #nodes: Nodes;
  readonly #transaction: Transaction;
  readonly subscriptions: Subscriptions;
  #replies: "on" | "off" | "skip" = "on";
  #resp = 2;
  #tracks = false;
  /** Goes before the next command, to its node. */
  #prefix: Uint8Array | null = null;

  constructor(terms: SpreadTerms, to: Sending, nodes: Nodes) {
    this.#terms = terms;
    this.#to = to;
    this.#nodes = nodes;
    this.#transaction = new Transaction(to);
    this.subscriptions = new Subscriptions(to, nodes);
  }

  /** Whether the next command's replies are unwanted. */
  quietNext(): boolean {
    const isQuiet = this.#replies !== "on";
    if (this.#replies === "skip") this.#replies = "on";
    return isQuiet;
  }

  /** Tells a client that caches that it knows nothing any more; null where it doesn't. */
  get invalidation(): Uint8Array | null {
    return this.#tracks && this.#resp === 3 ? invalidated : null;
  }

  /** It is taken only while nothing is awaited. */
  isAlone(command: Command): boolean {
    return alone.has(command.name) || settings.has(command.name) || Subscriptions.is(command);
  }

  /** The node that a command with this key goes to, in a transaction or not. */
  nodeFor(slot: number): ClusterNode | null {
    return this.#transaction.isOpen ? this.#transaction.nodeFor(slot) : this.#to.owner(slot);
  }

  lost(node: ClusterNode): void {
    this.#transaction.lost(node);
  }

  take(command: Command, args: readonly Uint8Array[], bytes: Uint8Array): void {
    const { name } = command;
    if (name === "client|reply") return this.#reply(args);
    if (Subscriptions.is(command)) return this.subscriptions.take(command, args, bytes);
    const listener = this.#resp === 2 ? this.subscriptions.listener : null;
    if (listener !== null) return this.#one(listener, -1, bytes, {});
    if (this.#transaction.take(command, args, bytes)) return;
    if (settings.has(name)) return this.#set(name, args, bytes);
    if (needless.has(name)) return this.#to.say(ok);
    if (name === "client|caching") {
      this.#prefix = bytes;
      return this.#to.say(ok);
    }
    if (name === "scan") return this.#scan(args, bytes);
    const answer = clusterAnswer(name, this.#terms.endpoint, this.#resp);
    if (answer !== null) return this.#to.say(answer);
    const blocks = mayBlock(command);
    this.#send(routeOf(command, args), bytes, { blocks, isBarrier: blocks }, name);
  }

  #send(route: Route, bytes: Uint8Array, marks: EntryMarks, name: string): void {
    switch (route.to) {
      case "nowhere":
        return this.#to.say(route.reply);
      case "home":
        return this.#one(this.#to.home(), -1, bytes, marks);
      case "slot":
        return this.#one(this.#to.owner(route.slot), route.slot, bytes, marks);
      case "masters": {
        const entry = this.#to.entry({ ...marks, how: route.combine });
        const nodes = name === "wait" ? this.#used() : this.#nodes.masters();
        // All parts first: one that is answered at once must not be taken for the whole.
        const parts = nodes.map(() => newPart(entry, -1, bytes, { follows: false }));
        for (const [at, part] of parts.entries()) {
          const node = nodes[at] ?? null;
          if (node === null) this.#to.answer(part, this.#to.unserved(-1));
          else this.#to.ask(part, node);
          if (name === "monitor" && node !== null) node.monitoring = true;
        }
        return;
      }
      case "parts": {
        const entry = this.#to.entry({ ...marks, how: route.combine });
        const parts = route.parts.map(({ slot, bytes, places }) =>
          newPart(entry, slot, bytes, { places })
        );
        for (const part of parts) {
          const node = this.#to.owner(part.slot);
          if (node === null) this.#to.answer(part, this.#to.unserved(part.slot));
          else this.#to.ask(part, node);
        }
      }
    }
  }

  /** Nodes that the session may have written to: `WAIT` is about these. */
  #used(): readonly (ClusterNode | null)[] {
    const used = this.#nodes.all.filter(({ hasHeardKeys }) => hasHeardKeys);
    return used.length === 0 ? [this.#to.home()] : used;
  }

  #one(node: ClusterNode | null, slot: number, bytes: Uint8Array, marks: EntryMarks): void {
    if (node === null) return this.#to.say(this.#to.unserved(slot));
    if (this.#prefix !== null) this.#to.tell(node, this.#prefix);
    this.#prefix = null;
    this.#to.ask(newPart(this.#to.entry(marks), slot, bytes), node);
  }

  /** `CLIENT REPLY`: nodes go on answering; here it is dropped. */
  #reply(args: readonly Uint8Array[]): void {
    const mode = nameText(args[2]).toLowerCase();
    if (args.length !== 3 || !["on", "off", "skip"].includes(mode)) {
      return this.#to.say(errorReply("ERR syntax error"));
    }
    if (mode === "off") this.#replies = "off";
    else if (mode === "on") {
      this.#replies = "on";
      this.#to.say(ok);
    } else if (this.#replies !== "off") this.#replies = "skip";
  }

  /** To every node there is, and to each that follows before all else. */
  #set(name: string, args: readonly Uint8Array[], bytes: Uint8Array): void {
    if (name === "client|tracking" && args.some((word) => /^redirect$/i.test(nameText(word)))) {
      return this.#to.say(noRedirect);
    }
    const home = this.#to.home();
    if (home === null) return this.#to.say(this.#to.unserved(-1));
    const seen = (answer: Uint8Array): Uint8Array => {
      if (answer[0] !== types.error) this.#noted(name, args, bytes);
      return answer;
    };
    this.#to.ask(newPart(this.#to.entry({ isBarrier: true, seen }), -1, bytes), home);
    for (const node of this.#nodes.all) {
      if (node !== home && node.state !== "lost") this.#to.tell(node, bytes);
    }
  }

  #noted(name: string, args: readonly Uint8Array[], bytes: Uint8Array): void {
    const first = nameText(args[name === "hello" ? 1 : 2]).toLowerCase();
    if (name === "hello") {
      if (first === "2" || first === "3") this.#resp = Number(first);
      if (args.length > 1) this.#nodes.settings.set(name, bytes);
    } else if (name === "client|setinfo") this.#nodes.settings.set(`${name} ${first}`, bytes);
    else {
      if (name === "client|tracking") this.#tracks = first === "on";
      this.#nodes.settings.set(name, bytes);
    }
  }

  #scan(args: readonly Uint8Array[], bytes: Uint8Array): void {
    const byTag = tagsOf(this.#nodes.ids);
    const place = placeOf(nameText(args[1]), byTag.keys());
    // What is wrong with it is for a node to say.
    if (place === null) return this.#one(this.#to.home(), -1, bytes, {});
    if (place.tag === 0) return this.#to.say(noMore);
    const node = this.#nodes.byId(byTag.get(place.tag) ?? "");
    const [name = encoder.encode("SCAN")] = args;
    const asked = commandBytes(name, place.cursor, ...args.slice(2));
    const seen = (answer: Uint8Array): Uint8Array =>
      withCursor(answer, (said) => nextCursor(place, said, byTag.keys()));
    this.#one(node, -1, asked, { seen });
  }
}
