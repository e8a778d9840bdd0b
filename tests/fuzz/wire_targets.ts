/** PostgreSQL: what clients and databases say, and the first bytes of strangers. */
import { ok } from "node:assert/strict";
import { createHmac } from "node:crypto";
import { concat } from "../../lib/bytes/writer.ts";
import { ClientRefused } from "../../lib/wire/client_refused.ts";
import { postgres } from "../../lib/wire/postgres/mod.ts";
import type { Gate, Reply, Step, Tap } from "../../lib/wire/protocol.ts";
import type { StreamSizes } from "../../lib/wire/streaming.ts";
import { UpstreamRefused } from "../../lib/wire/upstream_refused.ts";
import { WireError } from "../../lib/wire/wire_error.ts";
import { samples, SECRET } from "../conformance/postgres_samples.ts";
import { gateOf, unsaid } from "../fakes/gate.ts";
import { i32, message, notice, parameterStatus, ready } from "../fakes/postgres_messages.ts";
import type { Delivery, Target } from "./campaign.ts";
import { follow, seedsOf, type Side, takeTurns, type Watched, withoutSecret } from "./sessions.ts";

function inspect(
  side: Side,
  input: Uint8Array,
  delivery: Delivery,
  sizes?: StreamSizes,
): string {
  return takeTurns(samples, side, input, delivery, () => new WatchedSession(sizes));
}

/** Checks the promises of an inspector while it is used. */
class WatchedSession implements Watched {
  readonly #inspector: ReturnType<typeof postgres.inspector>;
  readonly #given: Record<Side, Uint8Array[]> = { client: [], server: [] };
  readonly #forwarded: Record<Side, Uint8Array[]> = { client: [], server: [] };
  readonly #open = new Set<number>();
  readonly #seen = new Set<string>();

  readonly #tap: Tap = {
    forward: (part) => void this.#forwarded.server.push(part.slice()),
    lateStatement: (statement) => this.#begin(statement),
    result: (id, { outcome, success }) => {
      ok(this.#open.delete(id), "a result of nothing, or a second one");
      this.#seen.add(`${outcome} ${success}`);
    },
    idle: () => void this.#seen.add("idle"),
    ...unsaid,
  };

  readonly #gate: Gate = gateOf({
    forward: (part) => void this.#forwarded.client.push(part.slice()),
    statement: (statement, streamed) => {
      if (streamed === undefined) this.#begin(statement);
      else this.#seen.add(`whole ${statement.command}`);
    },
    begin: (statement) => this.#begin(statement),
    goodbye: () => void this.#seen.add("goodbye"),
  });

  constructor(sizes?: StreamSizes) {
    this.#inspector = postgres.inspector(sizes);
  }

  push(from: Side, bytes: Uint8Array): void {
    this.#given[from].push(bytes);
    if (from === "client") this.#inspector.client(bytes.slice(), this.#gate);
    else this.#inspector.server(bytes.slice(), this.#tap);
  }

  close(): void {
    this.#inspector.close(this.#tap);
    ok(this.#open.size === 0, "statements without a result");
    for (const side of ["client", "server"] as const) {
      const [given, forwarded] = [concat(this.#given[side]), concat(this.#forwarded[side])];
      ok(forwarded.length <= given.length, "forwarded more than came");
      ok(forwarded.every((byte, at) => byte === given[at]), "forwarded what never came");
    }
  }

  get kind(): string {
    return [...this.#seen].sort().join(" ");
  }

  #begin({ id, command }: { id: number; command: string }): void {
    ok(!this.#open.has(id), "an id twice");
    this.#open.add(id);
    this.#seen.add(command);
  }
}

/** What the driver derives here, so that a whole login by SCRAM costs microseconds. */
const derived = new Uint8Array(32);

function answer(step: Step): Reply {
  if (step.do === "secret") return SECRET;
  if (step.do !== "pbkdf2") return undefined;
  ok(step.iterations <= 1_000_000 && step.bytes === 32, "a derivation without bounds");
  return derived;
}

const encoder = new TextEncoder();
const nonce = encoder.encode("0123456789abcdefghijklmn");
const startup = (version: number, text: string) => message("", i32(version), text, "\0");
const cancel = message("", i32(80877102), i32(1), i32(2));
const yes = encoder.encode("S");
const welcome = concat([
  message("R", i32(0)),
  parameterStatus("server_version", "15.1"),
  notice("hello"),
  message("K", i32(4711), Uint8Array.of(1, 2, 3, 4)),
  ready(),
]);

/** What a server says in SCRAM with the derived key of {@linkcode follow} (RFC 5802 §3). */
function scramServer(): Uint8Array {
  const whole = `${btoa("0123456789abcdefghijklmn")}server`;
  const first = `r=${whole},s=${btoa("salt")},i=4096`;
  const hmac = (key: Uint8Array, text: string) => createHmac("sha256", key).update(text).digest();
  const signed = `n=,r=${btoa("0123456789abcdefghijklmn")},${first},c=biws,r=${whole}`;
  const signature = hmac(hmac(derived, "Server Key"), signed).toString("base64");
  return concat([
    message("R", i32(10), "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"),
    message("R", i32(11), first),
    message("R", i32(12), `v=${signature}`),
  ]);
}

const login = () =>
  postgres.login({
    user: "alice",
    database: "shop",
    startup: {
      user: "alice",
      database: null,
      parameters: new Map([["TimeZone", "UTC"]]),
      clientProgram: "",
      replication: false,
      version: "3.0",
    },
    replication: false,
    nonce,
  });

const startups = [
  startup(196608, "user\0alice\0database\0shop\0application_name\0psql\0"),
  startup(196610, "user\0alice\0_pq_.x\0y\0"),
  message("", i32(80877103)),
  message("", i32(80877104)),
  cancel,
];
const types = [..."QPBEDCSHXFdcfpTtnsZIRKNAGVW123"];

export const targets: readonly Target[] = [
  {
    name: "postgres inspector, client side",
    seeds: seedsOf(samples, "client"),
    words: types,
    bytesMax: 80_000,
    answers: [WireError],
    run: (input, delivery) => withoutSecret(SECRET, () => inspect("client", input, delivery)),
  },
  {
    name: "postgres inspector, statements in pieces",
    seeds: seedsOf(samples, "client"),
    words: types,
    bytesMax: 80_000,
    answers: [WireError],
    run: (input, delivery) => {
      const piece = 1 + delivery.random.below(64);
      const sizes = { wholeMax: delivery.random.below(64), piece, lag: piece >> 1 };
      return withoutSecret(SECRET, () => inspect("client", input, delivery, sizes));
    },
  },
  {
    name: "postgres inspector, server side",
    seeds: seedsOf(samples, "server"),
    words: types,
    bytesMax: 80_000,
    answers: [WireError],
    run: (input, delivery) => withoutSecret(SECRET, () => inspect("server", input, delivery)),
  },
  {
    name: "postgres sniff",
    seeds: [...startups, encoder.encode("GET / HTTP/1.1\r\n"), Uint8Array.of(0x16, 3, 1, 2, 0)],
    answers: [],
    run: (input) => {
      const sniffed = postgres.sniff(input);
      if (sniffed === null) return "null";
      if (sniffed === "more") {
        ok(input.length < 10_000, "never enough");
        return "more";
      }
      if (sniffed.kind !== "refuse") {
        ok(sniffed.consumed > 0 && sniffed.consumed <= input.length, "consumed what never came");
      }
      return sniffed.kind;
    },
  },
  {
    name: "postgres accept",
    seeds: startups,
    words: ["user\0", "database\0", "_pq_.", "\0", "\0\0", "replication\0true\0"],
    answers: [WireError, ClientRefused],
    run: (input) => follow(postgres.accept(), input, answer),
  },
  {
    name: "postgres login",
    seeds: [
      concat([yes, welcome]),
      concat([yes, scramServer(), welcome]),
      concat([yes, message("R", i32(5), "salt"), welcome]),
      concat([yes, message("R", i32(3)), welcome]),
      encoder.encode("N"),
    ],
    words: [...types, "SCRAM-SHA-256\0", "r=", ",s=", ",i=", "v=", "S", "C28000\0", "M\0"],
    answers: [WireError, UpstreamRefused],
    run: (input) => withoutSecret(SECRET, () => follow(login(), input, answer)),
  },
  {
    name: "postgres trial",
    seeds: [concat([message("T", new Uint8Array(2)), message("C", "SELECT 1\0"), ready()])],
    words: [...types, "C42501\0", "M\0"],
    answers: [WireError, UpstreamRefused],
    run: (input) => follow(postgres.trial.run(), input, answer),
  },
];
