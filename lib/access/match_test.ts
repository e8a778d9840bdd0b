import { equal, ok, throws } from "node:assert/strict";
import { matcher } from "./match.ts";

const rows: readonly [pattern: string, value: string, wanted: boolean][] = [
  ["*", "", true],
  ["*", "anything", true],
  ["prod", "prod", true],
  ["prod", "prod2", false],
  ["prod", "Prod", false],
  ["a.c", "abc", false],
  ["prod-*", "prod-eu", true],
  ["prod-*", "prod-", true],
  ["prod-*", "preprod-eu", false],
  ["*-eu-*", "prod-eu-1", true],
  ["*-eu-*", "prod-us-1", false],
  ["a*a", "a", false],
  ["a*b*c", "axxbyyc", true],
  ["a*b*c", "acb", false],
  ["a*bc*bc", "abc", false],
  ["**", "x", true],
  ["^prod$", "prod", true],
  ["^prod$", "aprod", false],
  ["^(dev|test)-[0-9]+$", "dev-12", true],
  ["^(dev|test)-[0-9]+$", "dev-", false],
  ["^(dev|test)-[0-9]+$", "dev-1a", false],
  ["^[^a-z]?x$", "x", true],
  ["^[^a-z]?x$", "1x", true],
  ["^[^a-z]?x$", "ax", false],
  ["^a\\.b$", "a.b", true],
  ["^a\\.b$", "axb", false],
  ["^[a-]$", "-", true],
  ["^[\\]]$", "]", true],
  ["^(a|)b$", "b", true],
  ["^$", "", true],
  ["^$", "a", false],
  ["^(a*)*$", "aaaa", true],
  ["^.$", "é", true],
  ["^.$", "😀", true],
];

for (const [pattern, value, wanted] of rows) {
  Deno.test(`${pattern} ${wanted ? "matches" : "does not match"} ${JSON.stringify(value)}`, () => {
    equal(matcher(pattern)(value), wanted);
  });
}

const refused = [
  "^a",
  "^a{2}$",
  "^(?:a)$",
  "^\\d$",
  "^a\\$",
  "^(a$",
  "^a)$",
  "^[a$",
  "^[]$",
  "^[z-a]$",
  "^a**$",
  "^*a$",
  "^a^b$",
  "^" + "(".repeat(100) + "a" + ")".repeat(100) + "$",
  "x".repeat(257),
];
for (const pattern of refused) {
  Deno.test(`${pattern.slice(0, 20)} is refused when it is compiled`, () => {
    throws(() => matcher(pattern), { name: "Fault", code: "access.bad-pattern" });
  });
}

Deno.test("a pattern that makes backtracking matchers explode takes linear time", () => {
  const evil = matcher(`^(${"a?".repeat(60)})*(a|a)*b$`);
  const start = performance.now();
  equal(evil("a".repeat(1000)), false);
  ok(performance.now() - start < 2000);
});

Deno.test("values over 1024 characters match no pattern but *", () => {
  equal(matcher("^a*$")("a".repeat(1025)), false);
  equal(matcher("a*")("a".repeat(1025)), false);
});
