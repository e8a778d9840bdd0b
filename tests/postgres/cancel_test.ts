/**
 * Requests to cancel, plain and inside TLS, with two proxies and two agents: each reaches the
 * agent whose number is in the key, whichever proxy it is sent to, and a wrong secret nobody.
 */
import { match, ok, rejects, strictEqual } from "node:assert/strict";
import { connect } from "node:net";
import type { Site } from "../../scripts/lab/site.ts";
import { delay, waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { siteSuite } from "../site.ts";
import { untilSleeping } from "./activity.ts";
import { concat, type Env, type Message, message, RawClient, startup } from "./raw_client.ts";

const agents = 2;
const proxies = 2;
const cancelled = /ERROR 57014 /;
/** What the proxy lets one address send at once, and then each so often; lib/proxy/limits.ts. */
const burst = 20;
const periodMs = 500;

let env: Env;

const test = siteSuite({ agents, proxies }, async (site) => {
  const alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  env = await site.through(alice, "orders");
  await waitFor("both agents have tunnels to both proxies", 30_000, async () => {
    const logs = await Promise.all(site.agents.map((a) => Deno.readTextFile(a.logFile)));
    return logs.every((log) => log.split("a tunnel is up").length > proxies);
  });
});

/** How a request goes out; the port is that of the proxy it is sent to. */
const ways: Readonly<Record<string, (port: number, request: Request) => Promise<void>>> = {
  plain: (port, request) => sendPlain(port, request),
  "inside TLS": async (port, request) => {
    const client = await RawClient.connect({ ...env, PGPORT: String(port) });
    await client.send(request);
    await within("the proxy closes", 15_000, client.until("none"));
    client.close();
  },
  "inside TLS without a certificate": async (port, request) => {
    const client = await RawClient.connect({ ...env, PGPORT: String(port) }, false);
    await client.send(request);
    await within("the proxy closes", 15_000, client.until("none"));
    client.close();
  },
};

for (const [name, cancel] of Object.entries(ways)) {
  test(`cancel ${name}: from either proxy to the session of either agent`, async (site) => {
    const sessions = await oneOfEachAgent(site);
    for (const session of sessions) {
      for (const port of site.proxyPorts) {
        const sleeping = session.client.query("select pg_sleep(30)");
        const refused = rejects(within("the end of the statement", 15_000, sleeping), cancelled);
        await untilSleeping(env);
        await cancel(port, cancelRequest(session.key));
        await refused;
        strictEqual((await session.client.query("select 42"))[0]?.[0], "42");
      }
    }
    for (const { client } of sessions) client.close();
  });
}

test("a wrong secret, process or agent number cancels nothing", async (site) => {
  const [session] = await oneOfEachAgent(site);
  ok(session);
  const wrong = [
    changed(session.key, 4 + 3, 0x01),
    changed(session.key, 3, 0x01),
    changed(session.key, 1, 0x40),
    session.key.slice(0, 4),
    concat([session.key, new Uint8Array(4)]),
  ];
  const sleeping = session.client.query("select 'whole' from pg_sleep(2)");
  await untilSleeping(env);
  for (const key of wrong) await sendPlain(site.proxyPorts[0] ?? 0, cancelRequest(key));
  strictEqual((await within("the statement", 15_000, sleeping))[0]?.[0], "whole");
  session.client.close();
});

test("a request for a session that rests or is gone does no harm", async (site) => {
  const [session, other] = await oneOfEachAgent(site);
  ok(session && other);
  await sendPlain(site.proxyPorts[1] ?? 0, cancelRequest(session.key));
  strictEqual((await session.client.query("select 1"))[0]?.[0], "1");
  session.client.close();
  await delay(100);
  await sendPlain(site.proxyPorts[1] ?? 0, cancelRequest(session.key));
  strictEqual((await other.client.query("select 2"))[0]?.[0], "2");
  other.client.close();
});

test("each request that found its session is one event of that session", async (site) => {
  const perSession = new Map<unknown, number>();
  for (const e of await cancelEvents(site)) {
    perSession.set(e["sid"], (perSession.get(e["sid"]) ?? 0) + 1);
  }
  const counts = [...perSession.values()];
  strictEqual(counts.filter((n) => n === proxies).length, agents * Object.keys(ways).length);
});

test("too many from one address are dropped; other addresses are not held up", async (site) => {
  const [session] = await oneOfEachAgent(site);
  ok(session);
  const port = site.proxyPorts[1] ?? 0;
  const before = (await cancelEvents(site)).length;
  const began = performance.now();
  for (let i = 0; i < burst * 3; i++) await sendPlain(port, cancelRequest(session.key));
  const most = burst + 1 + Math.ceil((performance.now() - began) / periodMs);
  const passed = (await cancelEvents(site)).length - before;
  ok(passed > 0 && passed <= most, `${passed} of ${burst * 3} went through, at most ${most} may`);
  match(await Deno.readTextFile(site.proxyLogs[1] ?? ""), /too many cancel requests from one/);
  const sleeping = session.client.query("select pg_sleep(30)");
  const refused = rejects(within("the end", 15_000, sleeping), cancelled);
  await untilSleeping(env);
  await sendPlain(port, cancelRequest(session.key), "127.0.0.2");
  await refused;
  session.client.close();
});

async function cancelEvents(site: Site): Promise<Record<string, unknown>[]> {
  return (await site.events()).filter((e) => e["event"] === "db.session.cancel");
}

type Request = Uint8Array<ArrayBuffer>;

interface Session {
  readonly client: RawClient;
  /** Process id and secret, as BackendKeyData has them. */
  readonly key: Uint8Array<ArrayBuffer>;
}

/** Opens sessions through the first proxy until each agent has one. */
async function oneOfEachAgent(site: Site): Promise<Session[]> {
  const found = new Map<number, Session>();
  for (let i = 0; i < 40 && found.size < agents; i++) {
    const session = await open(site.proxyPorts[i % proxies] ?? 0);
    const number = new DataView(session.key.buffer).getUint16(0);
    if (found.has(number)) session.client.close();
    else found.set(number, session);
  }
  strictEqual(found.size, agents, "an agent got no session");
  return [...found.values()];
}

async function open(port: number): Promise<Session> {
  const client = await RawClient.connect({ ...env, PGPORT: String(port) });
  await client.send(startup({ user: "alice", database: "orders" }));
  const messages: Message[] = await within("a session", 15_000, client.until("Z"));
  const key = messages.find(({ type }) => type === "K")?.body;
  ok(key, "the session has a key");
  return { client, key: new Uint8Array(key) };
}

/** CancelRequest (protocol manual, "Message Formats"): no type byte, code 80877102. */
function cancelRequest(key: Uint8Array): Request {
  const framed = message("F", new Uint8Array([0x04, 0xd2, 0x16, 0x2e]), key);
  return framed.slice(1);
}

/** In the clear, then waits until the proxy closes, as libpq does. */
function sendPlain(port: number, request: Request, from?: string): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    const socket = connect({
      host: "127.0.0.1",
      port,
      ...(from === undefined ? {} : { localAddress: from }),
    });
    socket.on("connect", () => socket.write(request));
    socket.on("data", () => {});
    socket.on("error", () => {});
    socket.on("close", () => resolve());
  });
  return within("the proxy closes", 15_000, closed);
}

function changed(key: Uint8Array, at: number, bits: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(key);
  copy[at] = (copy[at] ?? 0) ^ bits;
  return copy;
}
