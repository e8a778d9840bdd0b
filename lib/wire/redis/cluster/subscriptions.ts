/** Subscriptions: channels and patterns at one node, shard channels at the node of their slot. */
import { concat } from "../../../bytes/writer.ts";
import type { Command } from "../commands.ts";
import type { SeenReply } from "../reply_reader.ts";
import { readReply, types } from "../resp.ts";
import { type ClusterNode, confirmationBytesMax, confirmations, type Expected } from "./node.ts";
import { newPart } from "./pending.ts";
import { firstSlot } from "./route.ts";
import type { Sending } from "./sending.ts";
import type { Nodes } from "./nodes.ts";
import { readRedirect } from "./topology.ts";

type Awaited = Extract<Expected, { readonly for: "confirmations" }>;

const none = new Uint8Array(0);
const redirectsMax = 5;

function isShard(name: string): boolean {
  return name === "ssubscribe" || name === "sunsubscribe";
}

export class Subscriptions {
  readonly #to: Sending;
  readonly #nodes: Nodes;
  #redirects = 0;
  #last: { readonly bytes: Uint8Array; readonly count: number } | null = null;

  constructor(to: Sending, nodes: Nodes) {
    this.#to = to;
    this.#nodes = nodes;
  }

  /** Where the client has a subscription: in RESP2 it can do little else with that connection. */
  get listener(): ClusterNode | null {
    return this.#nodes.all.find((node) => node.isSubscribed) ?? null;
  }

  static is({ name }: Command): boolean {
    return confirmations.has(name);
  }

  take(command: Command, args: readonly Uint8Array[], bytes: Uint8Array): void {
    const { name } = command;
    const count = args.length - 1;
    const nodes = this.#nodesFor(command, args);
    const [first] = nodes;
    if (first === undefined) {
      this.#to.say(this.#to.unserved(firstSlot(command, args) ?? 0));
      return;
    }
    // Without a channel it is an error, or means all there are.
    if (count === 0 && !name.includes("unsubscribe")) {
      this.#to.ask(newPart(this.#to.entry({}), -1, bytes), first);
      return;
    }
    const entry = this.#to.entry({ isBarrier: true });
    this.#redirects = 0;
    this.#last = { bytes, count };
    for (const node of nodes) {
      entry.waiting += 1;
      const left = count === 0 ? -1 : count;
      this.#nodes.send(node, bytes, { for: "confirmations", entry, name, left });
    }
  }

  #nodesFor(command: Command, args: readonly Uint8Array[]): readonly ClusterNode[] {
    const home = this.#nodes.all.find(({ channels, patterns }) => channels + patterns > 0) ??
      this.#to.home();
    const some = home === null ? [] : [home];
    if (!isShard(command.name)) return some;
    if (args.length === 1) {
      const shards = this.#nodes.all.filter(({ shardChannels }) => shardChannels > 0);
      return shards.length === 0 ? some : shards;
    }
    const node = this.#to.owner(firstSlot(command, args) ?? 0);
    return node === null ? [] : [node];
  }

  /** A message or a confirmation as the client has to see it. */
  message(node: ClusterNode, bytes: Uint8Array, seen: SeenReply): Uint8Array {
    if (!confirmations.has(seen.kind)) return bytes;
    this.#count(node, seen);
    const [awaited] = node.expected;
    if (awaited?.for === "confirmations" && awaited.name === seen.kind) {
      this.#confirmed(node, awaited);
    }
    return isShard(seen.kind) ? this.#counted(bytes) : bytes;
  }

  #count(node: ClusterNode, { kind, last }: SeenReply): void {
    if (last < 0) return;
    if (isShard(kind)) {
      node.shardChannels = last;
      return;
    }
    const more = last - node.channels - node.patterns;
    if (kind === "subscribe" || kind === "unsubscribe") node.channels += more;
    else node.patterns += more;
  }

  #confirmed(node: ClusterNode, awaited: Awaited): void {
    if (awaited.left < 0) {
      const { channels, patterns, shardChannels } = node;
      const rest = awaited.name === "sunsubscribe"
        ? shardChannels
        : awaited.name === "unsubscribe"
        ? channels
        : patterns;
      awaited.left = rest + 1;
    }
    awaited.left -= 1;
    if (awaited.left > 0) return;
    node.expected.shift();
    awaited.entry.waiting -= 1;
    if (awaited.entry.waiting === 0) awaited.entry.answer = none;
  }

  /** With the number of shard channels at all nodes in place of one's. */
  #counted(bytes: Uint8Array): Uint8Array {
    const total = this.#nodes.all.reduce((sum, { shardChannels }) => sum + shardChannels, 0);
    if (bytes.length > confirmationBytesMax) return bytes;
    const value = readReply(bytes);
    const isList = value.type === "array" || value.type === "push";
    const last = isList ? value.values.at(-1) : undefined;
    if (last?.type !== "integer" || bytes[bytes.length - 1] !== 0x0a) return bytes;
    const line = bytes.lastIndexOf(types.integer);
    return concat([bytes.subarray(0, line), new TextEncoder().encode(`:${total}\r\n`)]);
  }

  /** A node answers with an error where a confirmation was awaited. */
  refused(node: ClusterNode, awaited: Awaited, bytes: Uint8Array, seen: SeenReply): void {
    node.expected.shift();
    const redirect = readRedirect(seen.line, node.address.host);
    this.#redirects += 1;
    const other = redirect === null ? null : this.#nodes.follow(redirect);
    if (other !== null && this.#last !== null && this.#redirects <= redirectsMax) {
      const left = this.#last.count;
      this.#nodes.send(other, this.#last.bytes, { ...awaited, left });
      return;
    }
    awaited.entry.answer = bytes;
  }
}
