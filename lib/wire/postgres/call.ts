import { createHash } from "node:crypto";
import type { ByteReader } from "../../bytes/reader.ts";
import type { RawParameter } from "./bind.ts";
import { limits } from "./limits.ts";
import { hex } from "./text.ts";

export interface Call {
  /** OID of the function. */
  readonly oid: number;
  readonly parameters: readonly RawParameter[];
}

/** The body of a FunctionCall ("Function Call"); its own length bounds what is kept of it. */
export function readCall(from: ByteReader): Call {
  const oid = from.u32be();
  const formats = Array.from({ length: from.u16be() }, () => from.u16be());
  const only = formats.length === 1 ? formats[0] : undefined;
  const parameters: RawParameter[] = [];
  for (let at = 0, count = from.u16be(); at < count; at++) {
    const bytes = from.i32be();
    const value = bytes === -1 ? null : from.bytes(bytes);
    parameters.push(rawParameter(only ?? formats[at] ?? 0, value));
  }
  from.u16be();
  return { oid, parameters };
}

function rawParameter(format: number, value: Uint8Array | null): RawParameter {
  if (value === null || value.length <= limits.parameterPrefixBytes) {
    return { format, value: value?.slice() ?? null, bytes: value?.length ?? 0, sha256: "" };
  }
  return {
    format,
    value: value.slice(0, limits.parameterPrefixBytes),
    bytes: value.length,
    sha256: hex(createHash("sha256").update(value).digest()),
  };
}
