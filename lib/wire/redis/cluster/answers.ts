/** What clients are told that ask for the cluster: one node, the one they speak to, has all. */
import { createHash } from "node:crypto";
import { concat } from "../../../bytes/writer.ts";
import { bulk, command, errorReply } from "../resp.ts";
import { slotsMax } from "./slots.ts";

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

const encoder = new TextEncoder();
const last = slotsMax - 1;

/** 40 hex digits, as node ids are. */
export function nodeId({ host, port }: Endpoint): string {
  return createHash("sha1").update(`${host}:${port}`).digest("hex");
}

/**
 * The answer to a CLUSTER subcommand about the cluster as a whole; null where it isn't one.
 * `resp`: 2 or 3. Without an endpoint there is no cluster to see.
 */
export function clusterAnswer(
  name: string,
  endpoint: Endpoint | null,
  resp: number,
): Uint8Array | null {
  const answers: Readonly<Record<string, (at: Endpoint) => Uint8Array>> = {
    "cluster|slots": slots,
    "cluster|shards": (at) => shards(at, resp),
    "cluster|nodes": (at) => bulk(nodesText(at)),
    "cluster|info": () => bulk(info),
    "cluster|myid": (at) => bulk(nodeId(at)),
    "cluster|replicas": () => encoder.encode("*0\r\n"),
    "cluster|links": () => encoder.encode("*0\r\n"),
  };
  const answer = Object.hasOwn(answers, name) ? answers[name] : undefined;
  if (answer === undefined) return null;
  if (endpoint === null) return errorReply("ERR This instance has cluster support disabled");
  return answer(endpoint);
}

function slots(at: Endpoint): Uint8Array {
  return concat([
    encoder.encode(`*1\r\n*3\r\n:0\r\n:${last}\r\n*4\r\n`),
    bulk(at.host),
    encoder.encode(`:${at.port}\r\n`),
    bulk(nodeId(at)),
    encoder.encode("*0\r\n"),
  ]);
}

function shards(at: Endpoint, resp: number): Uint8Array {
  const map = (count: number) => encoder.encode(resp === 3 ? `%${count}\r\n` : `*${count * 2}\r\n`);
  const number = (value: number) => encoder.encode(`:${value}\r\n`);
  return concat([
    encoder.encode("*1\r\n"),
    map(2),
    ...[bulk("slots"), encoder.encode("*2\r\n"), number(0), number(last)],
    ...[bulk("nodes"), encoder.encode("*1\r\n"), map(7)],
    ...[bulk("id"), bulk(nodeId(at)), bulk("tls-port"), number(at.port)],
    ...[bulk("ip"), bulk(at.host), bulk("endpoint"), bulk(at.host)],
    ...[bulk("role"), bulk("master"), bulk("replication-offset"), number(0)],
    ...[bulk("health"), bulk("online")],
  ]);
}

function nodesText(at: Endpoint): string {
  const where = `${at.host}:${at.port}@${at.port},${at.host}`;
  return `${nodeId(at)} ${where} myself,master - 0 0 1 connected 0-${last}\n`;
}

const info = [
  ...["cluster_enabled:1", "cluster_state:ok", `cluster_slots_assigned:${slotsMax}`],
  ...[`cluster_slots_ok:${slotsMax}`, "cluster_slots_pfail:0", "cluster_slots_fail:0"],
  ...["cluster_known_nodes:1", "cluster_size:1", "cluster_current_epoch:1", "cluster_my_epoch:1"],
  "",
].join("\r\n");

/** Commands of ours towards nodes. */
export const ours = {
  slots: command("CLUSTER", "SLOTS"),
  id: command("CLUSTER", "MYID"),
  multi: command("MULTI"),
  asking: command("ASKING"),
} as const;
