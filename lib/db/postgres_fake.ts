/** A PostgreSQL server for tests, on the far end of a pipe. */
import {
  complete,
  message,
  parameterStatus,
  ready,
  row,
  rowDescription,
} from "../../tests/fakes/postgres_messages.ts";
import type { PipeEnd } from "../../tests/fakes/pipe.ts";
import { ByteReader } from "../bytes/reader.ts";
import { concat } from "../bytes/writer.ts";
import type { StreamReader } from "../core/stream.ts";

/** A PostgreSQL server that takes TLS for granted and answers each Query with one row. */
export class FakePostgres implements StreamReader {
  /** Texts of the queries that arrived. */
  readonly queries: string[] = [];
  readonly end: PipeEnd;
  /** Bytes beside queries: startup and cancel requests, whole. */
  readonly openings: Uint8Array[] = [];
  isEnded = false;
  /** All that arrived, in bytes. */
  received = 0;
  /** What follows a Query. */
  answer: (text: string) => Uint8Array = () =>
    concat([rowDescription, row(10), complete("SELECT 1"), ready()]);
  /** What follows the startup message. */
  greeting: Uint8Array = concat([
    message("R", new Uint8Array(4)),
    parameterStatus("server_version", "15.4"),
    message("K", Uint8Array.of(0, 0, 0, 77, 9, 9, 9, 9)),
    ready(),
  ]);
  #held: Uint8Array = new Uint8Array(0);
  #begun = false;

  constructor(end: PipeEnd) {
    this.end = end;
    end.attach(this);
  }

  data(chunk: Uint8Array): void {
    this.received += chunk.length;
    this.#held = concat([this.#held, chunk]);
    while (this.#take());
  }

  ended(): void {
    this.isEnded = true;
    this.end.end();
  }

  drained(): void {}
  closed(): void {}

  #take(): boolean {
    const at = this.#begun ? 1 : 0;
    if (this.#held.length < at + 4) return false;
    const size = new ByteReader(this.#held.subarray(at)).i32be() + at;
    if (this.#held.length < size) return false;
    const frame = this.#held.slice(0, size);
    this.#held = this.#held.slice(size);
    if (this.#begun) this.#message(frame);
    else this.#opening(frame);
    return true;
  }

  #opening(frame: Uint8Array): void {
    const code = new ByteReader(frame.subarray(4)).i32be();
    if (code === 80877103) {
      this.end.write(new TextEncoder().encode("S"));
      return;
    }
    this.openings.push(frame);
    if (code === 80877102) {
      this.end.end();
      return;
    }
    this.#begun = true;
    this.end.write(this.greeting);
  }

  #message(frame: Uint8Array): void {
    if (frame[0] === 0x58) this.end.end();
    if (frame[0] !== 0x51) return;
    const text = new TextDecoder().decode(frame.subarray(5, -1));
    this.queries.push(text);
    this.end.write(this.answer(text));
  }
}

/** A StartupMessage of protocol 3.0. */
export function startup(parameters: Readonly<Record<string, string>>): Uint8Array {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`);
  return message("", Uint8Array.of(0, 3, 0, 0), pairs.join(""), "\0");
}
