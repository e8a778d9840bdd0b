/** Patterns and templates of roles, and the values they are compared with. */
import { ok, strictEqual } from "node:assert/strict";
import { exactly, matcher } from "../../lib/access/match.ts";
import { fill } from "../../lib/access/template.ts";
import { Fault } from "../../lib/core/fault.ts";
import type { Target } from "./campaign.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Where the two can be compared: characters that mean the same to both, and no time to explode. */
const comparable = /^[\^$a-z0-9.*+?()|[\]-]{1,24}$/;

/** A pattern, a newline, a value. */
function compare(input: Uint8Array): string {
  const text = decoder.decode(input);
  const [pattern = "", value = ""] = text.split("\n", 2);
  const matches = matcher(pattern)(value);
  strictEqual(matcher(pattern)(value), matches, "another answer to the same question");
  const isExpression = pattern.startsWith("^") && pattern.length > 1;
  if (isExpression && comparable.test(pattern) && /^[a-z0-9]{0,10}$/.test(value)) {
    // Anchored as a whole, which `^a|b$` is not by itself.
    const other = new RegExp(`^(?:${pattern.slice(1, -1)})$`);
    strictEqual(matches, other.test(value), "another answer than the runtime's expressions");
  }
  return `${isExpression} ${pattern.includes("*")} ${matches}`;
}

export const targets: readonly Target[] = [
  {
    name: "role pattern",
    seeds: [
      "^(ab|c)*d?[a-f]+$\nababcf",
      "^((a*)*(b|c*)?)+$\naaaaaaaaac",
      "^[^a-c.]\\.x$\nz.x",
      "pg-*-prod*\npg-orders-prod-1",
      "^(a|aa|aaa)*(a|)*$\naaaaaaaaab",
      "plain\nplain",
    ].map((text) => encoder.encode(text)),
    words: [
      "(",
      ")",
      "|",
      "*",
      "+",
      "?",
      "[",
      "]",
      "^",
      "$",
      "\\",
      "-",
      "[^",
      "(a*)*",
      "\n",
      "\u{1F600}",
    ],
    bytesMax: 1300,
    answers: [Fault],
    run: compare,
  },
  {
    name: "role template",
    seeds: ["{{internal.db_users}}", "a-{{ internal.groups }}-b", "{{internal.none}}", "x*"]
      .map((text) => encoder.encode(text)),
    words: ["{{", "}}", "internal.", "__proto__", "*", "{", " ", "\t"],
    bytesMax: 2000,
    answers: [Fault],
    run: (input) => {
      const text = decoder.decode(input);
      const traits = { db_users: ["reader", "*", "", "^a.*$"], groups: ["dba"] };
      const allowed = fill(text, traits);
      for (const { text: word, matches } of allowed) {
        // A trait is a word and never a pattern.
        const isTrait = text.includes("{{") && word !== "*";
        if (isTrait) strictEqual(matches("zzz"), exactly(word)("zzz"), "a trait as a pattern");
        ok(typeof matches(text) === "boolean");
      }
      return `${allowed.length}`;
    },
  },
];
