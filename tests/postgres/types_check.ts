import { deepStrictEqual } from "node:assert/strict";
import { ByteReader } from "../../lib/bytes/reader.ts";
import { concat } from "../../lib/bytes/writer.ts";
import { decodeParameter } from "../../lib/wire/postgres/parameters.ts";
import { execute, i16, message, parse, sync } from "../fakes/postgres_messages.ts";
import type { Pulled } from "./drive.ts";

/** Types and values whose binary form must read as the server itself writes them. */
const values: readonly [type: string, oid: number, ...values: string[]][] = [
  ["bool", 16, "t", "f"],
  ["bytea", 17, "\\x00ff10", "\\x"],
  ["int8", 20, "-9223372036854775808", "9223372036854775807"],
  ["int2", 21, "-32768"],
  ["int4", 23, "2147483647"],
  ["oid", 26, "4294967295"],
  ["text", 25, "ä \\ \" ' €", ""],
  ["varchar", 1043, "x"],
  ["name", 19, "x"],
  ["json", 114, '{"a": 1}'],
  ["jsonb", 3802, '{"a": [1, null]}'],
  ["float4", 700, "1.1", "-0", "3.4028235e+38", "1e-45", "NaN", "-Infinity", "16777216"],
  [
    "float8",
    701,
    "0.1",
    "100000000000000",
    "1000000000000000",
    "0.0001",
    "0.00001",
    "1e+300",
    "Infinity",
    "123456789.125",
    "-5e-324",
  ],
  ["date", 1082, "2000-01-01", "1999-12-31", "2024-02-29", "0044-03-15 BC", "infinity"],
  ["date", 1082, "5874897-12-31", "4713-01-01 BC", "-infinity", "0001-01-01", "0001-12-31 BC"],
  ["time", 1083, "00:00:00", "24:00:00", "23:59:59.000001", "12:30:00.5"],
  ["timestamp", 1114, "2026-01-02 03:04:05.678", "1969-12-31 23:59:59.999999", "infinity"],
  ["timestamp", 1114, "0044-03-15 12:00:00 BC", "294276-12-31 23:59:59.999999"],
  ["timestamptz", 1184, "2026-01-02 03:04:05+00", "-infinity"],
  ["uuid", 2950, "01234567-89ab-cdef-0123-456789abcdef"],
  ["numeric", 1700, "0", "1", "-1.50", "10000", "0.0001", "123456789.987654321", "NaN", "Infinity"],
  ["numeric", 1700, "1e100", "-0.00000000000000012300", "99999999", "100000000", "0.10"],
  ["int4[]", 1007, "{}", "{1,NULL,-3}", "{{1,2},{3,4}}"],
  ["text[]", 1009, '{a,"b c","NULL",NULL,"","q\\"\\\\",ä}'],
  ["uuid[]", 2951, "{01234567-89ab-cdef-0123-456789abcdef}"],
  ["timestamptz[]", 1185, '{"2026-01-02 03:04:05+00"}'],
  ["numeric[]", 1231, "{1.10,-2}"],
  ["bool[]", 1000, "{t,f}"],
  ["interval", 1186, "00:00:00", "01:02:03.5", "-00:00:01"],
];

/** Asks the server for each value in both forms; ours of the binary one must be its text. */
export async function checkTypes(stream: Pulled): Promise<void> {
  await ask(stream, "set timezone = 'UTC'", [0]);
  for (const [type, oid, ...texts] of values) {
    for (const text of texts) {
      const literal = `'${text.replaceAll("'", "''")}'::${type}`;
      const [binary, written] = await ask(stream, `select ${literal}, ${literal}`, [1, 0]);
      if (binary === undefined || written === undefined) throw new Error("No row");
      const value = { format: 1, value: binary, bytes: binary.length, sha256: "" };
      deepStrictEqual(decodeParameter(value, oid), {
        type,
        value: new TextDecoder().decode(written),
        encoding: "text",
      });
    }
  }
}

/** The columns of the one row that a statement gives, in the formats asked for. */
async function ask(
  stream: Pulled,
  text: string,
  formats: readonly number[],
): Promise<Uint8Array[]> {
  const bind = message("B", "\0\0", i16(0), i16(0), i16(formats.length), ...formats.map(i16));
  stream.write(concat([parse("", text), bind, execute(), sync]));
  let columns: Uint8Array[] = [];
  let held: Uint8Array = new Uint8Array(0);
  for (;;) {
    const more = await stream.some();
    if (more === null) throw new Error("Closed");
    held = concat([held, more]);
    while (held.length >= 5) {
      const from = new ByteReader(held);
      const type = String.fromCharCode(from.u8());
      const size = from.u32be() + 1;
      if (held.length < size) break;
      if (type === "E") throw new Error(new TextDecoder().decode(held));
      if (type === "D") {
        columns = Array.from({ length: from.u16be() }, () => from.bytes(from.i32be()).slice());
      }
      held = held.subarray(size);
      if (type === "Z") return columns;
    }
  }
}
