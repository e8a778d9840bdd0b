/** Nodes of a cluster that a test speaks for, and what the client is told. */
import { concat } from "../../../bytes/writer.ts";
import { latin1 } from "../../latin1.ts";
import type { Spread } from "../../spread.ts";
import { CommandReader } from "../command_reader.ts";
import { bulk, command } from "../resp.ts";
import { streamSizes } from "../../streaming.ts";
import { spread } from "./spread.ts";

const encoder = new TextEncoder();

/** Slots of `foo` are at 7003, those of `bar` at 7001, those of `c` at 7002. */
export const ports = { foo: 7003, bar: 7001, c: 7002 } as const;

export function slotsReply(last = 7003): string {
  const ranges = [[0, 5460, 7001], [5461, 10922, 7002], [10923, 16383, last]] as const;
  const lines = ranges.map(([from, to, port]) =>
    `*3\r\n:${from}\r\n:${to}\r\n*4\r\n$1\r\nh\r\n:${port}\r\n` +
    latin1(bulk(`id-${port}`)) + "*0\r\n"
  );
  return `*${ranges.length}\r\n${lines.join("")}`;
}

/** A session before a cluster whose nodes say nothing by themselves. */
export class FakeCluster {
  readonly spread: Spread;
  /** Commands that each connection was sent, as lines; longer bytes as they are, in `raw`. */
  readonly sent = new Map<string, string[]>();
  readonly raw = new Map<string, Uint8Array[]>();
  /** Connections that were asked for, by their ports. */
  readonly opening = new Map<number, string>([[7001, "first"]]);
  readonly held = new Set<string>();
  readonly wakes: number[] = [];
  said = "";
  failed: string | null = null;
  finished = false;
  congested = false;
  readonly #readers = new Map<string, CommandReader>();

  constructor(answersSlots = true) {
    const endpoint = { host: "proxy", port: 443 };
    this.spread = spread({ first: { connection: "first", host: "h" }, endpoint }, {
      open: (name, { port }) => this.opening.set(port, name),
      send: (name, bytes) => this.#sent(name, bytes),
      isCongested: () => this.congested,
      close: (name) => this.opening.forEach((n, port) => n === name && this.opening.delete(port)),
      hold: (name, held) => held ? this.held.add(name) : this.held.delete(name),
      forward: (bytes) => this.said += latin1(bytes),
      wakeIn: (ms) => this.wakes.push(ms),
      finish: () => this.finished = true,
      fail: (why) => this.failed = why,
    });
    if (!answersSlots) return;
    this.from(7001, "$7\r\nid-7001\r\n", slotsReply());
    this.sent.clear();
    this.raw.clear();
  }

  /** The client says these lines, all at once. */
  ask(...lines: readonly string[]): void {
    this.spread.client(concat(lines.map((line) => command(...line.split(" ")))));
  }

  /** The connection to a port is open. */
  open(...ports: readonly number[]): void {
    for (const port of ports) this.spread.opened(this.opening.get(port) ?? "");
  }

  /** The node at a port says these replies. */
  from(port: number, ...replies: readonly string[]): void {
    for (const reply of replies) {
      this.spread.server(this.opening.get(port) ?? "", encoder.encode(reply));
    }
  }

  lose(port: number): void {
    const name = this.opening.get(port) ?? "";
    this.opening.delete(port);
    this.spread.lost(name, "gone");
  }

  /** What the node at a port was sent since this was asked last. */
  to(port: number): readonly string[] {
    const name = this.opening.get(port) ?? "";
    const lines = this.sent.get(name) ?? [];
    this.sent.delete(name);
    return lines;
  }

  /** What the client heard since this was asked last. */
  heard(): string {
    const { said } = this;
    this.said = "";
    return said;
  }

  #sent(name: string, bytes: Uint8Array): void {
    this.raw.set(name, [...this.raw.get(name) ?? [], bytes]);
    const lines = this.sent.get(name) ?? [];
    this.sent.set(name, lines);
    let reader = this.#readers.get(name);
    if (reader === undefined) this.#readers.set(name, reader = new CommandReader(streamSizes));
    reader.push(bytes, {
      command: (args) => {
        lines.push(args.map(latin1).join(" "));
        return true;
      },
      blank: () => {},
      long: () => "pass",
      passes: () => {},
      ended: (long) => lines.push(`long ${latin1(long.arguments[0]?.bytes ?? bytes)}`),
    });
  }
}
