import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { fakeHost } from "../ca/ca_fake.ts";
import type { Agent, DatabaseHealth } from "../api/resources.ts";
import type { TunnelSession } from "../tunnel/mod.ts";
import { Agents, type ConnectedAgent, healthIn } from "./agents.ts";
import { healthStaleMs } from "./limits.ts";

type Status = DatabaseHealth["status"];

/** Agents by name, each with what it finds of `orders` and how many streams it has. */
function fleet(found: Readonly<Record<string, readonly [Status, number]>>) {
  const agents = new Agents((host) => found[host]?.[0] ?? "unknown");
  const connected = Object.entries(found).map(([host, [, openStreams]]) => {
    // Of a session nothing else is asked here.
    const session = { draining: false, openStreams } as TunnelSession;
    const services = new Map([["orders", "postgres"]]);
    const identity = fakeHost({ host });
    const agent: ConnectedAgent = {
      identity,
      chain: [],
      session,
      number: 1,
      services,
      refused: [],
    };
    agents.add(agent);
    return agent;
  });
  const order = () => agents.serving("orders", "postgres").map(({ identity: { host } }) => host);
  return { agents, connected, order };
}

Deno.test("healthy agents are asked first, then unknown, then unhealthy, then by load", () => {
  const { order } = fleet({
    ill: ["unhealthy", 0],
    busy: ["healthy", 9],
    silent: ["unknown", 0],
    idle: ["healthy", 1],
  });
  deepStrictEqual(order(), ["idle", "busy", "silent", "ill"]);
});

Deno.test("equals take turns, among the healthy and among the rest", () => {
  const { order } = fleet({
    a: ["healthy", 2],
    x: ["unhealthy", 0],
    b: ["healthy", 2],
    y: ["unhealthy", 0],
  });
  const orders = Array.from({ length: 8 }, order);
  const firsts = orders.map(([first]) => first);
  deepStrictEqual([...new Set(firsts)].sort(), ["a", "b"]);
  for (const all of orders) deepStrictEqual(all.slice(2).toSorted(), ["x", "y"]);
  deepStrictEqual([...new Set(orders.map((all) => all[2]))].sort(), ["x", "y"]);
});

Deno.test("an unhealthy database is still tried where no other agent serves it", () => {
  deepStrictEqual(fleet({ only: ["unhealthy", 0] }).order(), ["only"]);
});

Deno.test("agents are counted for each service by what they find, none healthy too", () => {
  const { agents } = fleet({ a: ["unhealthy", 0], b: ["unhealthy", 3] });
  deepStrictEqual(agents.standing, [
    { service: "orders", status: "healthy", agents: 0 },
    { service: "orders", status: "unhealthy", agents: 2 },
  ]);
});

Deno.test("what an agent said counts as long as Auth is heard", () => {
  const named = { name: "host-1", labels: {} };
  const health = [{ name: "orders", status: "healthy", since: "2026-01-02T03:04:05.000Z" }];
  const spec = { host: "host-1", hostname: "", version: "", number: 1, databases: [], health };
  const agent = { kind: "agent", version: "v1", metadata: named, spec } as unknown as Agent;
  let silentMs = 0;
  const cache = { get: () => agent as never, stale: (ms: number) => silentMs > ms };
  const healthOf = healthIn(cache);
  strictEqual(healthOf("host-1", "orders"), "healthy");
  strictEqual(healthOf("host-1", "other"), "unknown");
  silentMs = healthStaleMs;
  strictEqual(healthOf("host-1", "orders"), "healthy");
  silentMs = healthStaleMs + 1;
  strictEqual(healthOf("host-1", "orders"), "unknown");
});
