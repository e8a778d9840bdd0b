/** What every protocol promises of its refusals, and of the first bytes of strangers. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Refusal, RefusalKind } from "../../lib/wire/protocol.ts";
import type { ProtocolSuite } from "./protocol.ts";

const kinds: readonly RefusalKind[] = [
  "unauthenticated",
  "denied",
  "invalid",
  "protocol",
  "target",
  "network",
  "limit",
  "unavailable",
  "ended",
  "internal",
];

export function refusals({ protocol, readRefusal }: ProtocolSuite): void {
  for (const kind of kinds) {
    const refusal: Refusal = { kind, message: `why: ${kind} ä`, hint: "what to do" };
    const read = readRefusal(protocol.refuse(refusal));
    deepStrictEqual(read, { message: refusal.message, hint: refusal.hint });
    const withNul = readRefusal(protocol.refuse({ kind, message: "a\0b" }));
    deepStrictEqual(withNul, { message: "ab", hint: "" });
  }
}

export function foreign({ protocol, foreign }: ProtocolSuite): void {
  for (const bytes of foreign) {
    for (let end = 1; end <= bytes.length; end++) {
      const sniffed = protocol.sniff(bytes.subarray(0, end));
      ok(sniffed === null || (sniffed === "more" && end < 8), `after ${end} bytes`);
    }
    strictEqual(protocol.sniff(bytes), null);
  }
}
