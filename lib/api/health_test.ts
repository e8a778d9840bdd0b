import { deepStrictEqual } from "node:assert/strict";
import { healthOverAll } from "./health.ts";
import type { DatabaseHealth } from "./resources.ts";

const well: DatabaseHealth = { status: "healthy", since: "1", reason: "" };
const ill: DatabaseHealth = { status: "unhealthy", since: "2", reason: "connection refused" };
const alsoIll: DatabaseHealth = { ...ill, since: "3", reason: "no such host" };
const silent = { status: "unknown", since: null, reason: "" } as const;

const cases: readonly [
  promise: string,
  agents: readonly (DatabaseHealth | undefined)[],
  shown: unknown,
][] = [
  ["no agent is offline", [], { ...silent, status: "offline" }],
  ["an agent that says nothing is unknown", [undefined], silent],
  ["one agent that finds it healthy is enough", [ill, undefined, well], well],
  ["what nobody knows is better than what is known to be broken", [ill, undefined], silent],
  ["the first of equals gives the reason", [ill, alsoIll], ill],
];
for (const [promise, agents, shown] of cases) {
  Deno.test(`health over all agents: ${promise}`, () => {
    deepStrictEqual(healthOverAll(agents), shown);
  });
}

Deno.test("health over all agents: nothing of the agent itself is shown", () => {
  deepStrictEqual(healthOverAll([{ ...well, ...{ name: "orders" } }]), well);
});
