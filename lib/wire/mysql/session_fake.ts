import { ok as assert } from "node:assert/strict";
import { gateOf, unsaid } from "../../../tests/fakes/gate.ts";
import { concat } from "../../bytes/writer.ts";
import type { Inspector, SessionTerms, Statement, StatementResult } from "../protocol.ts";
import { mysql } from "./mod.ts";

const terms: SessionTerms = {
  loggedIn: {},
  database: "shop",
  localInfile: false,
  replication: false,
  connectionOf: () => null,
};

/** What a session was played with, and what came of it. */
export interface Played {
  readonly inspector: Inspector;
  readonly statements: readonly Statement[];
  /** What happened, in order. */
  readonly log: readonly string[];
  readonly refused: readonly string[];
  client(...parts: Uint8Array[]): void;
  server(...parts: Uint8Array[]): void;
  close(): void;
  /** All that either side was sent. */
  toServer(): Uint8Array;
  toClient(): Uint8Array;
  result(id: number): StatementResult;
}

/** A session that writes down in order what happens: `>` to the database, `<` to the client. */
export function session(of: Partial<SessionTerms> = {}): Played {
  const inspector: Inspector = mysql.inspector(undefined, { ...terms, ...of });
  const statements: Statement[] = [];
  const results = new Map<number, StatementResult>();
  const log: string[] = [];
  const said: Record<"server" | "client", Uint8Array[]> = { server: [], client: [] };
  const refused: string[] = [];
  const note = (to: "server" | "client", what: string) => (bytes: Uint8Array) => {
    said[to].push(bytes.slice());
    log.push(`${what}${bytes.length}`);
  };
  const gate = gateOf({
    forward: note("server", ">"),
    statement: (statement) => {
      statements.push(statement);
      log.push(`statement ${statement.id}`);
    },
    answer: note("client", "ours "),
    refused: (text) => refused.push(text),
    goodbye: () => log.push("goodbye"),
  });
  const tap = {
    ...unsaid,
    forward: note("client", "<"),
    answer: note("client", "ours "),
    reply: note("server", "reply "),
    result: (id: number, result: StatementResult) => {
      results.set(id, result);
      log.push(`result ${id}`);
    },
    lateStatement: () => {},
    idle: () => log.push("idle"),
  };
  return {
    inspector,
    statements,
    log,
    refused,
    client: (...parts: Uint8Array[]) => inspector.client(concat(parts), gate),
    server: (...parts: Uint8Array[]) => inspector.server(concat(parts), tap),
    close: () => inspector.close(tap),
    toServer: () => concat(said.server),
    toClient: () => concat(said.client),
    result: (id: number) => {
      const found = results.get(id);
      assert(found !== undefined, `no result of ${id}`);
      return found;
    },
  };
}
