/** MySQL: what clients and databases say. */
import { ok } from "node:assert/strict";
import { concat } from "../../lib/bytes/writer.ts";
import { ClientRefused } from "../../lib/wire/client_refused.ts";
import { mysql } from "../../lib/wire/mysql/mod.ts";
import type { Gate, Reply, SessionTerms, Step, Tap } from "../../lib/wire/protocol.ts";
import type { StreamSizes } from "../../lib/wire/streaming.ts";
import { UpstreamRefused } from "../../lib/wire/upstream_refused.ts";
import { WireError } from "../../lib/wire/wire_error.ts";
import { newerSamples, samples, SECRET } from "../conformance/mysql_samples.ts";
import { isWithin } from "../conformance/damage.ts";
import { gateOf, unsaid } from "../fakes/gate.ts";
import {
  abilitiesOf,
  anyFlags,
  greeted,
  greeting,
  loginRequest,
  newerForms,
  ok as okay,
  packet,
  response,
  sslRequest,
} from "../fakes/mysql_messages.ts";
import type { Delivery, Target } from "./campaign.ts";
import { follow, seedsOf, type Side, takeTurns, type Watched, withoutSecret } from "./sessions.ts";

const all = [...samples, ...newerSamples];
function termsOf(index: number, localInfile: boolean): SessionTerms {
  const abilities = abilitiesOf(index < samples.length ? 0 : newerForms);
  const numbers = [null, "unknown", 7] as const;
  const connectionOf = (id: number) => numbers[id % 3] ?? null;
  return { loggedIn: { abilities }, database: "", localInfile, replication: true, connectionOf };
}

function inspect(
  side: Side,
  input: Uint8Array,
  delivery: Delivery,
  sizes?: StreamSizes,
): string {
  const localInfile = delivery.random.below(2) > 0;
  const open = (index: number) => new WatchedSession(termsOf(index, localInfile), sizes);
  return takeTurns(all, side, input, delivery, open);
}

/** Checks the promises of an inspector while it is used. */
class WatchedSession implements Watched {
  readonly #inspector: ReturnType<typeof mysql.inspector>;
  readonly #given: Record<Side, Uint8Array[]> = { client: [], server: [] };
  readonly #forwarded: Record<Side, Uint8Array[]> = { client: [], server: [] };
  readonly #open = new Set<number>();
  readonly #seen = new Set<string>();

  readonly #tap: Tap = {
    ...unsaid,
    forward: (part) => void this.#forwarded.server.push(part.slice()),
    lateStatement: (statement) => this.#begin(statement),
    result: (id, { outcome, success }) => {
      ok(this.#open.delete(id), "a result of nothing, or a second one");
      this.#seen.add(`${outcome} ${success}`);
    },
    idle: () => void this.#seen.add("idle"),
    answer: () => void this.#seen.add("answer"),
    reply: () => void this.#seen.add("reply"),
  };

  readonly #gate: Gate = gateOf({
    forward: (part) => void this.#forwarded.client.push(part.slice()),
    statement: (statement, streamed) => {
      if (/kill/i.test(statement.text)) this.#seen.add("kill");
      if (streamed === undefined) this.#begin(statement);
      else this.#seen.add(`whole ${statement.command}`);
    },
    begin: (statement) => this.#begin(statement),
    goodbye: () => void this.#seen.add("goodbye"),
    answer: () => void this.#seen.add("answer"),
    refused: () => void this.#seen.add("refused"),
  });

  constructor(terms: SessionTerms, sizes?: StreamSizes) {
    this.#inspector = mysql.inspector(sizes, terms);
  }

  push(from: Side, bytes: Uint8Array): void {
    this.#given[from].push(bytes);
    if (from === "client") this.#inspector.client(bytes.slice(), this.#gate);
    else this.#inspector.server(bytes.slice(), this.#tap);
    if (this.#inspector.betweenFrames) this.#inspector.refuse({ kind: "ended", message: "over" });
  }

  close(): void {
    this.#inspector.close(this.#tap);
    ok(this.#open.size === 0, "statements without a result");
    for (const side of ["client", "server"] as const) {
      // The number of a connection may have been another one.
      if (side === "client" && this.#seen.has("kill")) continue;
      const [given, forwarded] = [concat(this.#given[side]), concat(this.#forwarded[side])];
      ok(isWithin(forwarded, given), "forwarded what never came");
    }
  }

  get kind(): string {
    return [...this.#seen].sort().join(" ");
  }

  #begin({ id, command, text = "" }: { id: number; command: string; text?: string }): void {
    ok(!this.#open.has(id), "an id twice");
    this.#open.add(id);
    this.#seen.add(text.startsWith("Kill") ? "kill" : command);
  }
}

function answer({ do: what }: Step): Reply {
  return what === "secret" ? SECRET : what === "ed25519" ? new Uint8Array(64) : undefined;
}

const responses = [
  response(1, { database: "shop", proof: "x".repeat(32), attributes: { program_name: "mysql" } }),
  response(2, { user: "bob" }),
  sslRequest(anyFlags),
];
const words = ["caching_sha2_password\0", "client_ed25519\0", "\0", "def", "\xfe\0\0\x02\0"];

export const mysqlTargets: readonly Target[] = [
  {
    name: "mysql inspector, client side",
    seeds: seedsOf(all, "client"),
    words: [...words, "kill query 4", "use shop", "load data local infile 'x'"],
    bytesMax: 80_000,
    answers: [WireError],
    run: (input, delivery) => withoutSecret(SECRET, () => inspect("client", input, delivery)),
  },
  {
    name: "mysql inspector, statements in pieces",
    seeds: seedsOf(all, "client"),
    words,
    bytesMax: 80_000,
    answers: [WireError],
    run: (input, delivery) => {
      const piece = 1 + delivery.random.below(64);
      const sizes = { wholeMax: delivery.random.below(64), piece, lag: piece >> 1 };
      return withoutSecret(SECRET, () => inspect("client", input, delivery, sizes));
    },
  },
  {
    name: "mysql inspector, server side",
    seeds: seedsOf(all, "server"),
    words: [...words, "\xfb/etc/passwd"],
    bytesMax: 80_000,
    answers: [WireError],
    run: (input, delivery) => withoutSecret(SECRET, () => inspect("server", input, delivery)),
  },
  {
    name: "mysql accept",
    seeds: responses,
    words,
    answers: [WireError, ClientRefused],
    run: (input) =>
      follow(mysql.accept({ ...greeted, said: (input[3] ?? 0) === 2 }), input, answer),
  },
  {
    name: "mysql meet",
    seeds: responses,
    answers: [WireError, ClientRefused],
    run: (input) => follow(mysql.meet?.(greeted) ?? mysql.accept(greeted), input, answer),
  },
  {
    name: "mysql login",
    seeds: [
      concat([greeting(), packet(3, 1, 4), okay(5)]),
      concat([
        greeting(),
        packet(2, 0xfe, "client_ed25519\0", greeted.nonce, greeted.nonce),
        okay(4),
      ]),
      concat([greeting({ version: "5.5.5-10.11.6-MariaDB", flags: 0xfffffffe }), okay(3)]),
      packet(0, 0xff, 0x15, 4, "#28000no"),
    ],
    words,
    answers: [WireError, UpstreamRefused],
    run: (input) => withoutSecret(SECRET, () => follow(mysql.login(loginRequest), input, answer)),
  },
];
