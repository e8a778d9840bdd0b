import { concat } from "../../bytes/writer.ts";
import { createHash, type Hash } from "node:crypto";
import { limits } from "./limits.ts";
import { wireError } from "./message.ts";
import { anyText, hex } from "../text.ts";

const nothing = new Uint8Array(0);

/** One parameter as it was bound. */
export interface RawParameter {
  /** Format code: 0 text, 1 binary. */
  readonly format: number;
  /** All of it, or its front; null for SQL NULL. */
  readonly value: Uint8Array | null;
  /** Whole length. */
  readonly bytes: number;
  /** SHA-256 in hex where `value` is only the front. */
  readonly sha256: string;
}

export interface Bound {
  /** Of the function, in a FunctionCall. */
  readonly oid: number;
  readonly portalName: string;
  readonly statementName: string;
  readonly parameters: readonly RawParameter[];
  readonly keptBytes: number;
}

interface Collected {
  readonly value: Uint8Array | null;
  readonly bytes: number;
  sha256: string;
}

type Stage =
  | "function"
  | "portal"
  | "statement"
  | "formats"
  | "format"
  | "count"
  | "length"
  | "value"
  | "results"
  | "result"
  | "done";

/**
 * Reads the body of a Bind or FunctionCall as it passes, in parts of any size. Of a parameter over
 * the limit its front, length and SHA-256 are kept, so one of 1 GiB costs no more than one of a
 * megabyte. ("Bind", "FunctionCall")
 */
export class BindReader {
  readonly #messageName: "Bind" | "FunctionCall";
  #stage: Stage = "portal";
  /** Bytes of the body not yet read. */
  #left: number;
  /** A number under way: value and bytes still to come. */
  #number = 0;
  #numberLeft = 0;
  /** Front of a name that was cut. */
  #name: Uint8Array = nothing;
  #oid = 0;
  #portalName = "";
  #statementName = "";
  readonly #formats: number[] = [];
  /** Items still to come in the list at hand. */
  #items = 0;
  readonly #parameters: Collected[] = [];
  #kept = 0;
  /** The value under way: bytes seen, and its hash where it is not kept whole. */
  #current: Collected | null = null;
  #seen = 0;
  #hash: Hash | null = null;

  constructor(messageName: "Bind" | "FunctionCall", bodyBytes: number) {
    this.#messageName = messageName;
    this.#left = bodyBytes;
    if (messageName === "FunctionCall") this.#expect("function", 4);
  }

  /** Reads the next part of the body. Throws where the body contradicts itself. */
  read(part: Uint8Array): void {
    for (let at = 0; at < part.length;) {
      const used = this.#stage === "value"
        ? this.#readValue(part, at)
        : this.#stage === "portal" || this.#stage === "statement"
        ? this.#readName(part, at)
        : this.#readNumber(part, at);
      at += used;
      this.#left -= used;
      // A value's length was checked against what is left before; this is the end of a number.
      if (this.#left === 0 && this.#stage !== "done") throw this.#malformed("ends early");
    }
  }

  /** What was bound, after the whole body was read. */
  finish(): Bound {
    if (this.#stage !== "done") throw this.#malformed("ends early");
    const only = this.#formats.length === 1 ? this.#formats[0] : undefined;
    return {
      oid: this.#oid,
      portalName: this.#portalName,
      statementName: this.#statementName,
      parameters: this.#parameters.map((parameter, at) => ({
        ...parameter,
        format: only ?? this.#formats[at] ?? 0,
      })),
      keptBytes: this.#kept + 16 * this.#parameters.length,
    };
  }

  #readName(part: Uint8Array, at: number): number {
    const nul = part.indexOf(0, at);
    const end = nul < 0 ? part.length : nul;
    if (this.#name.length + end - at > limits.smallBytes) {
      throw wireError("oversize", "Bind", "name");
    }
    const bytes = part.subarray(at, end);
    if (nul < 0) {
      this.#name = concat([this.#name, bytes]);
      return end - at;
    }
    const name = anyText(this.#name.length === 0 ? bytes : concat([this.#name, bytes]));
    this.#name = nothing;
    if (this.#stage === "portal") {
      this.#portalName = name;
      this.#stage = "statement";
    } else {
      this.#statementName = name;
      this.#expect("formats", 2);
    }
    return end + 1 - at;
  }

  #expect(stage: Stage, bytes: number): void {
    this.#stage = stage;
    this.#number = 0;
    this.#numberLeft = bytes;
  }

  #readNumber(part: Uint8Array, at: number): number {
    if (this.#stage === "done") throw this.#malformed("too long");
    let used = 0;
    while (this.#numberLeft > 0 && at + used < part.length) {
      this.#number = (this.#number << 8) | (part[at + used] ?? 0);
      used += 1;
      this.#numberLeft -= 1;
    }
    if (this.#numberLeft === 0) this.#gotNumber(this.#number, this.#left - used);
    return used;
  }

  #gotNumber(value: number, left: number): void {
    switch (this.#stage) {
      case "function":
        this.#oid = value >>> 0;
        return this.#expect("formats", 2);
      case "formats":
        this.#items = value;
        return this.#nextFormat();
      case "format":
        this.#formats.push(value);
        this.#items -= 1;
        return this.#nextFormat();
      case "count":
        this.#items = value;
        return this.#nextParameter();
      case "length":
        return this.#beginValue(value, left);
      case "results":
        this.#items = value;
        return this.#nextResult();
      default:
        this.#items -= 1;
        return this.#nextResult();
    }
  }

  #nextFormat(): void {
    this.#expect(this.#items > 0 ? "format" : "count", 2);
  }

  #nextParameter(): void {
    if (this.#items > 0) return this.#expect("length", 4);
    if (this.#messageName === "Bind") return this.#expect("results", 2);
    this.#items = 1;
    this.#nextResult();
  }

  #nextResult(): void {
    if (this.#items > 0) this.#expect("result", 2);
    else this.#stage = "done";
  }

  #beginValue(bytes: number, left: number): void {
    this.#items -= 1;
    if (bytes < 0) {
      if (bytes !== -1) throw this.#malformed("parameter length below -1");
      this.#parameters.push({ value: null, bytes: 0, sha256: "" });
      return this.#nextParameter();
    }
    if (bytes > left) throw this.#malformed("parameter longer than the message");
    const keep = Math.min(bytes, limits.parameterPrefixBytes, limits.bindKeptBytes - this.#kept);
    this.#kept += keep;
    this.#current = { value: new Uint8Array(keep), bytes, sha256: "" };
    this.#parameters.push(this.#current);
    this.#seen = 0;
    this.#hash = keep < bytes ? createHash("sha256") : null;
    if (bytes === 0) this.#nextParameter();
    else this.#stage = "value";
  }

  #readValue(part: Uint8Array, at: number): number {
    const current = this.#current;
    if (current === null || current.value === null) throw new TypeError("No value under way");
    const used = Math.min(current.bytes - this.#seen, part.length - at);
    const bytes = part.subarray(at, at + used);
    const room = current.value.length - this.#seen;
    if (room > 0) current.value.set(room < used ? bytes.subarray(0, room) : bytes, this.#seen);
    this.#hash?.update(bytes);
    this.#seen += used;
    if (this.#seen < current.bytes) return used;
    if (this.#hash !== null) current.sha256 = hex(this.#hash.digest());
    this.#hash = null;
    this.#current = null;
    this.#nextParameter();
    return used;
  }

  #malformed(detail: string): Error {
    return wireError("malformed", this.#messageName, detail);
  }
}
