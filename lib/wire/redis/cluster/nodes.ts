/** The nodes that a session speaks to, and what it knows of who has which slots. */
import { latin1 } from "../../latin1.ts";
import type { ServerAddress, SpreadPowers, SpreadTerms } from "../../spread.ts";
import { type SeenReply } from "../reply_reader.ts";
import { readReply, types } from "../resp.ts";
import { ours } from "./answers.ts";
import { ClusterNode, type Expected } from "./node.ts";
import { endpointOf, type Master, readTopology, type Redirect, type Topology } from "./topology.ts";

export interface NodesHeard {
  /** A question about the slots was answered, or nobody can be asked. */
  refreshed(): void;
  /** Nothing can be learnt of the cluster at all. */
  failed(why: string): void;
  /** A node that owes something is in the cluster no more. */
  left(node: ClusterNode): void;
}

/** How long a node that couldn't be reached is not tried again, about. */
const avoidMs = 1_000;

export class Nodes {
  readonly #powers: SpreadPowers;
  readonly #terms: SpreadTerms;
  readonly #heard: NodesHeard;
  readonly #byEndpoint = new Map<string, ClusterNode>();
  readonly #byConnection = new Map<string, ClusterNode>();
  /** What every connection is told first: the client's settings, by what they set. */
  readonly settings = new Map<string, Uint8Array>();
  readonly #avoided = new Set<string>();
  readonly #first: ClusterNode;
  #firstId = "";
  #topology: Topology | null = null;
  #asked: ClusterNode | null = null;
  #opened = 0;
  /** Slots as redirects told of them, since the last whole answer. */
  readonly #moved = new Map<number, string>();

  constructor(terms: SpreadTerms, powers: SpreadPowers, heard: NodesHeard) {
    this.#terms = terms;
    this.#powers = powers;
    this.#heard = heard;
    const { connection, host } = terms.first;
    this.#first = new ClusterNode(connection, { host, port: 0, name: host }, "");
    this.#first.state = "open";
    this.#byConnection.set(connection, this.#first);
  }

  /** Learns who the first connection leads to, and all others from it. */
  begin(): void {
    this.tell(this.#first, ours.id, (reply) => {
      const id = readReply(reply);
      this.#firstId = id.type === "bulk" ? latin1(id.bytes) : "";
    });
    this.refresh();
  }

  get topology(): Topology | null {
    return this.#topology;
  }

  get isRefreshing(): boolean {
    return this.#asked !== null;
  }

  named(connection: string): ClusterNode | undefined {
    return this.#byConnection.get(connection);
  }

  /** Connections that are open or about to be. */
  get all(): readonly ClusterNode[] {
    return [...this.#byConnection.values()];
  }

  /** The master that serves what has no key; the same one as long as it can be had. */
  home(): ClusterNode | null {
    const { masters } = this.#topology ?? {};
    if (masters === undefined) return null;
    for (const node of this.#byConnection.values()) {
      if (node.state === "open" && masters.has(node.endpoint)) return node;
    }
    for (const [endpoint, master] of masters) {
      const node = this.at(endpoint, master);
      if (node !== null) return node;
    }
    return null;
  }

  /** Null where nobody serves the slot, or its node can't be reached at the moment. */
  owner(slot: number): ClusterNode | null {
    const endpoint = this.#moved.get(slot) ?? this.#topology?.owners[slot];
    if (endpoint === undefined) return null;
    const address = this.#topology?.nodes.get(endpoint);
    return this.at(endpoint, address ?? addressOf(endpoint));
  }

  /** Every master; null in the place of one that can't be reached. */
  masters(): readonly (ClusterNode | null)[] {
    return [...this.#topology?.masters ?? []].map(([endpoint, master]) =>
      this.at(endpoint, master)
    );
  }

  /** By what SCAN's cursors name them, and the other way. */
  get ids(): readonly string[] {
    return [...this.#topology?.masters.values() ?? []].map(({ id }) => id);
  }

  byId(id: string): ClusterNode | null {
    for (const [endpoint, master] of this.#topology?.masters ?? []) {
      if (master.id === id) return this.at(endpoint, master);
    }
    return null;
  }

  /** Where a redirect leads. */
  follow({ kind, slot, host, port }: Redirect): ClusterNode | null {
    const endpoint = endpointOf({ host, port });
    if (kind === "moved") {
      this.#moved.set(slot, endpoint);
      this.refresh();
    }
    const known = this.#topology?.nodes.get(endpoint);
    return this.at(endpoint, known ?? { host, port, name: host });
  }

  at(endpoint: string, address: ServerAddress): ClusterNode | null {
    const known = this.#byEndpoint.get(endpoint);
    if (known !== undefined) return known;
    if (this.#avoided.has(endpoint)) {
      this.refresh();
      return null;
    }
    this.#opened += 1;
    const { host, port, name } = address;
    const node = new ClusterNode(`${endpoint}#${this.#opened}`, { host, port, name }, endpoint);
    this.#byEndpoint.set(endpoint, node);
    this.#byConnection.set(node.connection, node);
    for (const bytes of this.settings.values()) this.tell(node, bytes, null);
    this.#powers.open(node.connection, node.address);
    return node;
  }

  send(node: ClusterNode, bytes: Uint8Array, expected: Expected): void {
    node.expected.push(expected);
    if (node.behind === null) this.#write(node, bytes);
    else node.behind.push(bytes);
  }

  /** A command whose bytes come one by one: all else waits behind it. */
  beginLong(node: ClusterNode, expected: Expected): void {
    node.expected.push(expected);
    node.behind = [];
  }

  passLong(node: ClusterNode, bytes: Uint8Array, isEnd: boolean): void {
    this.#write(node, bytes);
    if (!isEnd) return;
    for (const waiting of node.behind ?? []) this.#write(node, waiting);
    node.behind = null;
  }

  #write(node: ClusterNode, bytes: Uint8Array): void {
    if (node.state === "open") this.#powers.send(node.connection, bytes);
    else node.unsent.push(bytes);
  }

  /** Something of ours, whose reply is not the client's. */
  tell(
    node: ClusterNode,
    bytes: Uint8Array,
    done: ((reply: Uint8Array, seen: SeenReply) => void) | null,
  ): void {
    this.send(node, bytes, { for: "us", done });
  }

  opened(connection: string): void {
    const node = this.#byConnection.get(connection);
    if (node === undefined) return;
    node.state = "open";
    const { unsent } = node;
    node.unsent = [];
    for (const bytes of unsent) this.#powers.send(connection, bytes);
  }

  /** Forgets a connection; what it owes, and to refresh, is for the caller to see to. */
  lost(connection: string): ClusterNode | null {
    const node = this.#byConnection.get(connection);
    if (node === undefined) return null;
    this.#byConnection.delete(connection);
    if (this.#byEndpoint.get(node.endpoint) === node) this.#byEndpoint.delete(node.endpoint);
    if (node.state === "opening") {
      this.#avoided.add(node.endpoint);
      this.#powers.wakeIn(avoidMs);
    }
    node.state = "lost";
    if (this.#asked === node) this.#asked = null;
    return node;
  }

  /** Those that couldn't be reached may be tried again. */
  forgive(): void {
    this.#avoided.clear();
  }

  /** Asks who has which slots now, if nobody is being asked yet. */
  refresh(): void {
    if (this.#asked !== null) return;
    const node = this.#somebody();
    if (node === null) {
      this.#heard.refreshed();
      return;
    }
    this.#asked = node;
    this.tell(node, ours.slots, (reply, seen) => this.#learn(reply, seen));
  }

  /** Who can be asked: a connection that is at rest, else another node, else a busy one. */
  #somebody(): ClusterNode | null {
    let found: ClusterNode | null = null;
    for (const node of this.#byConnection.values()) {
      // Inside MULTI a question of ours would become a part of it; a busy node answers late.
      if (node.state !== "open" || node.isInTransaction) continue;
      if (found === null || node.expected.length < found.expected.length) found = node;
    }
    if (found !== null && found.expected.length === 0) return found;
    const other = this.#another();
    return other ?? found;
  }

  /** A node that there is no open connection to. */
  #another(): ClusterNode | null {
    for (const node of this.#byConnection.values()) if (node.state === "opening") return node;
    for (const [endpoint, node] of this.#topology?.nodes ?? []) {
      if (!this.#byEndpoint.has(endpoint) && !this.#avoided.has(endpoint)) {
        return this.at(endpoint, node);
      }
    }
    return null;
  }

  #learn(reply: Uint8Array, seen: SeenReply): void {
    const asked = this.#asked;
    this.#asked = null;
    if (seen.type === types.error) {
      if (this.#topology === null) {
        this.#heard.failed(`a node refuses CLUSTER SLOTS, which sessions need: ${seen.line}`);
      } else this.#heard.refreshed();
      return;
    }
    const host = asked === null || asked === this.#first
      ? this.#terms.first.host
      : asked.address.host;
    const topology = readTopology(readReply(reply), host);
    this.#moved.clear();
    this.#topology = topology;
    if (this.#firstId !== "") this.#placeFirst(topology);
    for (const node of this.all) {
      const isMember = node.endpoint === "" || topology.nodes.has(node.endpoint);
      if (!isMember && node.expected.length > 0) this.#heard.left(node);
    }
    this.#heard.refreshed();
  }

  /** The first connection serves as that of its node, where that is a master. */
  #placeFirst({ masters }: Topology): void {
    const id = this.#firstId;
    this.#firstId = "";
    const found = [...masters].find(([, master]) => master.id === id);
    if (found === undefined) return;
    const [endpoint, { host, port, name }] = found;
    this.#first.place(endpoint, { host, port, name });
    this.#byEndpoint.set(endpoint, this.#first);
  }
}

function addressOf(endpoint: string): Master {
  const cut = endpoint.lastIndexOf(":");
  const host = endpoint.slice(0, cut);
  return { host, port: Number(endpoint.slice(cut + 1)), name: host, id: "" };
}
