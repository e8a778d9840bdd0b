import { deepStrictEqual } from "node:assert/strict";
import { withLimits } from "./session_settings.ts";

const set = (
  asked: Record<string, string>,
  limits: Parameters<typeof withLimits>[1],
): Record<string, string> => Object.fromEntries(withLimits(new Map(Object.entries(asked)), limits));

Deno.test("without limits a client's settings stay as they are", () => {
  deepStrictEqual(set({ jit: "off", statement_timeout: "0" }, undefined), {
    jit: "off",
    statement_timeout: "0",
  });
});

Deno.test("read only and statement timeout are set over what the client asks", () => {
  const asked = { jit: "off", Default_Transaction_Read_Only: "off", Statement_Timeout: "0" };
  deepStrictEqual(set(asked, { readOnly: true, statementMs: 5000 }), {
    jit: "off",
    default_transaction_read_only: "on",
    statement_timeout: "5000",
  });
});

const timeouts: readonly [asked: string, wanted: string][] = [
  ["4999", "4999"],
  ["2s", "2s"],
  [" 1.5 s ", " 1.5 s "],
  ["100us", "5000"],
  ["5001", "5000"],
  ["1min", "5000"],
  ["0", "5000"],
  ["-1", "5000"],
  ["soon", "5000"],
];
for (const [asked, wanted] of timeouts) {
  Deno.test(`of 5 s and the client's ${JSON.stringify(asked)} the shorter is set`, () => {
    const found = set({ statement_timeout: asked }, { readOnly: false, statementMs: 5000 });
    deepStrictEqual(found, { statement_timeout: wanted });
  });
}

Deno.test("a timeout longer than the server takes is its longest", () => {
  const found = set({}, { readOnly: false, statementMs: 1e12 });
  deepStrictEqual(found, { statement_timeout: "2147483647" });
});
