import { deepStrictEqual, throws } from "node:assert/strict";
import { concat } from "../../bytes/writer.ts";
import { cancelRequest, query, readMessage, startup } from "./messages.ts";

const bytes = (...parts: readonly (string | number)[]): Uint8Array =>
  concat(
    parts.map((part) =>
      typeof part === "string" ? new TextEncoder().encode(part) : Uint8Array.of(part)
    ),
  );

Deno.test("messages to the server are framed as the manual says", () => {
  deepStrictEqual(query("é"), bytes("Q", 0, 0, 0, 7, "é", 0));
  deepStrictEqual(startup({ user: "a" }), bytes(0, 0, 0, 16, 0, 3, 0, 0, "user", 0, "a", 0, 0));
  const key = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  deepStrictEqual(cancelRequest(key), concat([bytes(0, 0, 0, 16, 4, 210, 22, 46), key]));
});

Deno.test("rows keep NULL apart from the empty text", () => {
  const body = bytes(0, 3, 0, 0, 0, 1, "x", 255, 255, 255, 255, 0, 0, 0, 0);
  deepStrictEqual(readMessage("D", body), { kind: "row", values: ["x", null, ""] });
});

Deno.test("an error is its fields", () => {
  const { kind, ...rest } = readMessage("E", bytes("SERROR", 0, "C42703", 0, "Mno", 0, 0));
  deepStrictEqual([kind, "fields" in rest && [...rest.fields]], [
    "error",
    [["S", "ERROR"], ["C", "42703"], ["M", "no"]],
  ]);
});

const damaged: readonly [type: string, body: Uint8Array][] = [
  ["D", bytes(0, 1, 0, 0, 0, 9, "x")],
  ["T", bytes(0, 1, "name")],
  ["E", bytes("SERROR")],
  ["Z", bytes()],
];
for (const [type, body] of damaged) {
  Deno.test(`a damaged message ${type} is refused`, () => {
    throws(() => readMessage(type, body));
  });
}
