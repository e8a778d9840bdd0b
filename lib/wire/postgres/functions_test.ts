import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { gateOf } from "../../../tests/fakes/gate.ts";
import { i16, i32, message } from "../../../tests/fakes/postgres_messages.ts";
import type { Statement } from "../protocol.ts";
import { postgres } from "./mod.ts";

/** What the gate is told of a FunctionCall with binary arguments. */
function called(oid: number, ...values: readonly Uint8Array[]): Statement | undefined {
  const statements: Statement[] = [];
  const args = values.flatMap((value) => [i32(value.length), value]);
  const bytes = message("F", i32(oid), i16(1), i16(1), i16(values.length), ...args, i16(1));
  const gate = gateOf({ statement: (statement) => void statements.push(statement) });
  postgres.inspector().client(bytes, gate);
  return statements[0];
}

Deno.test("a call of a large object's function has its name and decoded arguments", () => {
  const statement = called(955, i32(3), new Uint8Array([222, 173]));
  strictEqual(statement?.text, 'fastpath function call: "lowrite" (OID 955)');
  deepStrictEqual(statement.parameters, [
    { type: "int4", value: "3", encoding: "text" },
    { type: "bytea", value: "\\xdead", encoding: "text" },
  ]);
});

Deno.test("of another function its number and its arguments' bytes are told", () => {
  const statement = called(70_000, i32(3));
  strictEqual(statement?.text, "fastpath function call: OID 70000");
  deepStrictEqual(statement.parameters, [{ type: "", value: "AAAAAw==", encoding: "base64" }]);
});

Deno.test("a known function with too many arguments, or others, is shown as it came", () => {
  const statement = called(953, new Uint8Array(3), i32(1));
  deepStrictEqual(statement?.parameters, [
    { type: "int4", value: "AAAA", encoding: "base64" },
    { type: "", value: "AAAAAQ==", encoding: "base64" },
  ]);
});
