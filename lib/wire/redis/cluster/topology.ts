/** Which node has which slots, as CLUSTER SLOTS and redirects tell it. */
import type { ServerAddress } from "../../spread.ts";
import type { Value } from "../resp.ts";
import { wireError } from "../resp.ts";
import { slotsMax } from "./slots.ts";

/** A master of the cluster. */
export interface Master extends ServerAddress {
  /** 40 hex digits; the same for all who ask. Empty where only a redirect told of it. */
  readonly id: string;
}

export interface Topology {
  /** By `host:port`, in the order of their ids. */
  readonly masters: ReadonlyMap<string, Master>;
  /** Of each slot the master's `host:port`; undefined where nobody serves it. */
  readonly owners: readonly (string | undefined)[];
  /** All nodes, replicas too: who can be asked when a master is gone. */
  readonly nodes: ReadonlyMap<string, Master>;
}

/** As many as a cluster should have, and a bound against nonsense. */
const nodesMax = 1_000;

export function endpointOf(
  { host, port }: { readonly host: string; readonly port: number },
): string {
  return `${host}:${port}`;
}

/**
 * Reads the reply of CLUSTER SLOTS: ranges, each with its master and replicas. A node without an
 * address of its own is where the question was asked: at `asked`.
 */
export function readTopology(reply: Value, asked: string): Topology {
  if (reply.type !== "array") throw broken("is no array");
  const nodes = new Map<string, Master>();
  const served = new Map<string, Master>();
  const owners = new Array<string | undefined>(slotsMax).fill(undefined);
  for (const range of reply.values) {
    if (range.type !== "array") throw broken("a range is no array");
    const [first, last, ...members] = range.values;
    const from = slotNumber(first);
    const to = slotNumber(last);
    for (const [index, member] of members.entries()) {
      const node = readNode(member, asked);
      if (node === null) continue;
      const endpoint = endpointOf(node);
      nodes.set(endpoint, node);
      if (nodes.size > nodesMax) throw broken("too many nodes");
      if (index > 0) continue;
      served.set(endpoint, node);
      owners.fill(endpoint, from, to + 1);
    }
  }
  const byId = [...served].sort(([, a], [, b]) => a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
  return { masters: new Map(byId), owners, nodes };
}

function slotNumber(value: Value | undefined): number {
  if (value?.type !== "integer") throw broken("a slot is no number");
  const slot = Number(value.value);
  if (slot < 0 || slot >= slotsMax) throw broken("a slot is out of range");
  return slot;
}

/** `[address, port, id, [key, value, ...]]`; null where the address isn't known ("?"). */
function readNode(value: Value | undefined, asked: string): Master | null {
  if (value?.type !== "array") throw broken("a node is no array");
  const [address, port, id, more] = value.values;
  if (port?.type !== "integer") throw broken("a port is no number");
  const host = textOf(address) || asked;
  const number = Number(port.value);
  if (host === "?" || number < 1 || number > 65_535) return null;
  const hostname = hostnameOf(more);
  return { host, port: number, name: hostname === "" ? host : hostname, id: textOf(id) };
}

function hostnameOf(more: Value | undefined): string {
  if (more?.type !== "array" && more?.type !== "map") return "";
  for (let at = 0; at + 1 < more.values.length; at += 2) {
    if (textOf(more.values[at]) === "hostname") return textOf(more.values[at + 1]);
  }
  return "";
}

function textOf(value: Value | undefined): string {
  if (value?.type === "status") return value.text;
  return value?.type === "bulk" ? new TextDecoder().decode(value.bytes) : "";
}

/** Where a command has to go instead: for good (`moved`) or this once (`ask`). */
export interface Redirect {
  readonly kind: "moved" | "ask";
  readonly slot: number;
  readonly host: string;
  readonly port: number;
}

/** `MOVED 3999 127.0.0.1:6381`; without a host it is where the question was asked. */
export function readRedirect(line: string, asked: string): Redirect | null {
  const found = /^(MOVED|ASK) (\d{1,5}) (.*):(\d{1,5})$/.exec(line);
  if (found === null) return null;
  const [, word, slot, host = "", port] = found;
  const redirect = {
    kind: word === "MOVED" ? "moved" as const : "ask" as const,
    slot: Number(slot),
    host: host.replace(/^\[(.*)\]$/, "$1") || asked,
    port: Number(port),
  };
  const isLawful = redirect.slot < slotsMax && redirect.port > 0 && redirect.port < 65_536;
  return isLawful && redirect.host !== "?" ? redirect : null;
}

function broken(what: string): Error {
  return wireError("malformed", "CLUSTER SLOTS", what);
}
