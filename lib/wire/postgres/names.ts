import { limits } from "./limits.ts";
import { wireError } from "./message.ts";
import type { RawParameter } from "./bind.ts";
import type { StreamedStatement } from "../protocol.ts";

/** A prepared statement as the client described it. */
export interface Prepared {
  readonly name: string;
  readonly text: string;
  /** Where its text was too long to be held; `text` is empty then. */
  readonly streamed?: { readonly statement: StreamedStatement; readonly fingerprint: string };
  /** OIDs of its parameters: from Parse, then from ParameterDescription; 0 where unknown. */
  types: readonly number[];
  /** The newest statement's id when it was prepared, to tell what came before a DISCARD ALL. */
  readonly order: number;
  /** Of its text, once it was executed. */
  fingerprint?: string;
}

/** A bound statement. */
export interface Portal {
  readonly name: string;
  readonly statementName: string;
  readonly text: string;
  /** Undefined where the client bound a statement that was not prepared by the protocol. */
  readonly prepared: Prepared | undefined;
  readonly parameters: readonly RawParameter[];
  readonly keptBytes: number;
  /** Number of the pipeline it was bound in; portals end with their transaction. */
  readonly group: number;
  executed: boolean;
}

/** A name that was given or taken away, and how to take that back. */
export interface Change {
  readonly table: "prepared" | "portal";
  readonly name: string;
  readonly now: Prepared | Portal | undefined;
  before: Prepared | Portal | undefined;
}

const SPOKEN_NAMES = 256;
const SPOKEN_CHARACTERS = 16_384;
const spokenName = /\b(?:prepare|declare)\s+(?:"((?:[^"]|"")+)"|([\w\u0080-\uffff$]+))/gi;

/**
 * What the client's names stand for. The gate reads ahead of the database, so a change is made when
 * it is asked for and taken back when the database refuses or skips it.
 */
export class Names {
  readonly #prepared = new Map<string, Prepared>();
  readonly #portals = new Map<string, Portal>();
  readonly #spoken = new Map<string, string>();
  #bytes = 0;

  /**
   * Remembers names that SQL itself gives (PREPARE, DECLARE), for the protocol can use them too.
   * Best
   * effort: what cannot be told from the text alone, such as a cursor made inside a function, stays
   * unknown.
   */
  spoken(text: string): void {
    if (text.length > SPOKEN_CHARACTERS || !/prepare|declare/i.test(text)) return;
    for (const [, quoted, plain] of text.matchAll(spokenName)) {
      const name = quoted?.replaceAll('""', '"') ?? plain?.toLowerCase() ?? "";
      this.#spoken.delete(name);
      this.#spoken.set(name, text);
      if (this.#spoken.size <= SPOKEN_NAMES) continue;
      for (const oldest of this.#spoken.keys()) {
        this.#spoken.delete(oldest);
        break;
      }
    }
  }

  /** Text of the statement that gave `name` in SQL; empty where none is known. */
  spokenText(name: string): string {
    return this.#spoken.get(name) ?? "";
  }

  prepared(name: string): Prepared | undefined {
    return this.#prepared.get(name);
  }

  portal(name: string): Portal | undefined {
    return this.#portals.get(name);
  }

  prepare(statement: Prepared): Change {
    const before = this.#prepared.get(statement.name);
    this.#set({ table: "prepared", name: statement.name, now: statement, before });
    this.#bound("Parse", this.#prepared.size);
    return { table: "prepared", name: statement.name, now: statement, before };
  }

  bind(portal: Portal): Change {
    const before = this.#portals.get(portal.name);
    this.#set({ table: "portal", name: portal.name, now: portal, before });
    this.#bound("Bind", this.#portals.size);
    return { table: "portal", name: portal.name, now: portal, before };
  }

  close(table: "prepared" | "portal", name: string): Change {
    const before = table === "prepared" ? this.#prepared.get(name) : this.#portals.get(name);
    const change = { table, name, now: undefined, before };
    this.#set(change);
    return change;
  }

  /**
   * Takes back a change; `later` are those asked for since and still unanswered: the first of the
   * same name then stands on what was before.
   */
  undo(change: Change, later: Iterable<Change>): void {
    for (const next of later) {
      if (next.table === change.table && next.name === change.name) {
        next.before = change.before;
        return;
      }
    }
    this.#set({ table: change.table, name: change.name, now: change.before, before: change.now });
  }

  /** The transaction is over: portals bound up to pipeline `group` are gone. */
  endPortals(group: number): void {
    for (const portal of this.#portals.values()) {
      if (portal.group > group) return;
      this.#portals.delete(portal.name);
      this.#bytes -= weight(portal);
    }
  }

  /** DISCARD ALL, DEALLOCATE ALL: statements prepared before statement `order` are gone. */
  forgetPrepared(order: number): void {
    for (const prepared of this.#prepared.values()) {
      if (prepared.order >= order) return;
      this.#prepared.delete(prepared.name);
      this.#bytes -= weight(prepared);
    }
  }

  /** Deletes before it sets, so that both tables stay in the order of asking. */
  #set(change: Change): void {
    const table: Map<string, Prepared | Portal> = change.table === "prepared"
      ? this.#prepared
      : this.#portals;
    const old = table.get(change.name);
    if (old !== undefined) {
      table.delete(change.name);
      this.#bytes -= weight(old);
    }
    if (change.now === undefined) return;
    table.set(change.name, change.now);
    this.#bytes += weight(change.now);
  }

  #bound(messageName: string, count: number): void {
    if (count > limits.names) {
      throw wireError("oversize", messageName, `over ${limits.names} names`);
    }
    if (this.#bytes > limits.namesBytes) {
      throw wireError("oversize", messageName, `over ${limits.namesBytes} bytes kept`);
    }
  }
}

function weight(named: Prepared | Portal): number {
  const own = "types" in named ? preparedWeight(named) : named.keptBytes;
  return named.name.length + own;
}

function preparedWeight({ text, streamed, types }: Prepared): number {
  const textBytes = streamed === undefined ? text.length : limits.streamedNameBytes;
  return textBytes + 4 * types.length;
}
