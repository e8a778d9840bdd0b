import type { Parameter } from "../protocol.ts";
import { ByteReader } from "../../bytes/reader.ts";
import { WireError } from "../wire_error.ts";
import { nameOfCommand } from "./client_rules.ts";
import { command } from "./commands.ts";
import { EXECUTE_HEAD, readBulk, readExecute, type Values } from "./execute.ts";
import { Feeder } from "./feeder.ts";
import type { LongData, Prepared } from "./names.ts";
import { wireError } from "./packet.ts";
import type { Session } from "./session.ts";

/** An execution whose values were read. */
export interface Execution {
  readonly id: number;
  readonly prepared: Prepared | undefined;
  readonly parameters: readonly Parameter[];
}

const nothing = new Uint8Array(0);
/** Statement id, and flags or the number of a parameter. */
const SHORT_HEAD = 6;

/** Reads the bodies that carry values, in parts of any size as they pass. */
export class ValueReader {
  readonly #session: Session;
  /** Front of the body, until it says which statement it is of. */
  #head: Uint8Array = nothing;
  #feeder: Feeder<Values> | null = null;
  #longData: LongData | null = null;
  #hasFailed = false;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Another body comes. */
  begin(): void {
    this.#head = nothing;
    this.#feeder = null;
    this.#longData = null;
    this.#hasFailed = false;
  }

  /** Reads on in an execution; gives it at the `last` part. */
  read(code: number, part: Uint8Array, last: boolean): Execution | null {
    const isBulk = code === command.bulkExecute;
    const left = this.#gatherHead(part, isBulk ? SHORT_HEAD : EXECUTE_HEAD);
    if (left === null) {
      if (last) throw wireError("malformed", nameOfCommand(code), "ends early");
      return null;
    }
    const from = new ByteReader(this.#head);
    const id = from.u32le();
    const flags = isBulk ? from.u16le() : from.u8();
    const prepared = this.#session.names.get(id);
    this.#feeder ??= new Feeder(
      nameOfCommand(code),
      isBulk
        ? readBulk(prepared, flags)
        : readExecute(prepared, flags, this.#session.queryAttributes),
    );
    const parameters = this.#values(this.#feeder, left, last, prepared?.isCertain !== false);
    return last ? { id, prepared, parameters } : null;
  }

  /**
   * How many values there are was told from the text alone where a client did not wait for the
   * database's word: then what does not fit is no fault of the client's.
   */
  #values(
    feeder: Feeder<Values>,
    part: Uint8Array,
    last: boolean,
    isCertain: boolean,
  ): readonly Parameter[] {
    if (this.#hasFailed) return [];
    try {
      feeder.push(part);
      return last ? feeder.end().parameters : [];
    } catch (thrown) {
      if (isCertain || !(thrown instanceof WireError)) throw thrown;
      this.#hasFailed = true;
      return [];
    }
  }

  /** "COM_STMT_SEND_LONG_DATA": never answered. */
  readLongData(part: Uint8Array, last: boolean): void {
    const left = this.#gatherHead(part, SHORT_HEAD);
    if (left !== null) {
      this.#longData ??= this.#longDataOf(new ByteReader(this.#head));
      this.#longData?.push(left);
    }
    if (last) this.#longData = null;
  }

  #longDataOf(from: ByteReader): LongData | null {
    const prepared = this.#session.names.get(from.u32le());
    const at = from.u16le();
    if (prepared === undefined || at >= Math.max(1, prepared.count)) return null;
    return this.#session.names.longData(prepared, at);
  }

  /** Gathers the front of a body until it has `bytes`; gives what is behind it. */
  #gatherHead(part: Uint8Array, bytes: number): Uint8Array | null {
    if (this.#head.length >= bytes) return part;
    const used = Math.min(bytes - this.#head.length, part.length);
    const head = new Uint8Array(this.#head.length + used);
    head.set(this.#head);
    head.set(part.subarray(0, used), this.#head.length);
    this.#head = head;
    return head.length < bytes ? null : part.subarray(used);
  }
}
