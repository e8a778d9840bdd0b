import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { settled, SteppingClock } from "../../tests/fakes/clock.ts";
import { pipe, Recorder } from "../../tests/fakes/pipe.ts";
import { tunnelPair } from "../../tests/fakes/tunnel.ts";
import { Fault } from "../core/fault.ts";
import type { TunnelStream } from "../tunnel/mod.ts";
import { postgres } from "../wire/postgres/mod.ts";
import { acceptMsMax, goodbyeMs, keptBytesMax } from "./limits.ts";
import { route } from "./route.ts";

const bytes = (value: string) => new TextEncoder().encode(value);
const header = bytes("header");

/** A client with a session through as many agents as asked for. */
function scene(agents: number, early: string = "startup") {
  const clock = new SteppingClock();
  const [client, near] = pipe();
  const heard = new Recorder();
  client.attach(heard);
  const pairs = Array.from({ length: agents }, () => tunnelPair());
  const routed = route({
    client: near,
    early: bytes(early),
    protocol: postgres,
    service: "orders",
    header,
    agents: pairs.map(({ near: session }) => ({ session })),
    clock,
  });
  /** The stream as the agent has it, and what came over it. */
  const at = (agent: number): { stream: TunnelStream; got: Recorder } => {
    const stream = pairs[agent]?.opened.at(-1);
    ok(stream !== undefined, `agent ${agent} was not asked`);
    const got = new Recorder();
    stream.attach(got);
    return { stream, got };
  };
  const asked = () => pairs.map(({ opened }) => opened.length);
  return { clock, client, heard, routed, at, asked, pairs };
}

Deno.test("an agent that accepts gets the client's bytes from the first, and answers", async () => {
  const { client, heard, routed, at, asked } = scene(2);
  client.write(bytes(" more"));
  await settled();
  const { stream, got } = at(0);
  stream.accept();
  stream.write(bytes("welcome"));
  await settled();
  deepStrictEqual([got.text, heard.text], ["startup more", "welcome"]);
  client.write(bytes(" query"));
  client.end();
  await settled();
  deepStrictEqual([got.text, got.isEnded], ["startup more query", true]);
  stream.end();
  await settled();
  deepStrictEqual([await routed.ended, routed.accepted, asked()], [null, true, [1, 0]]);
  strictEqual(heard.isEnded, true);
});

Deno.test("after RESET(retry) the next agent gets the same bytes", async () => {
  const { client, heard, at, asked } = scene(3);
  await settled();
  at(0).stream.reset("retry", "can't reach it");
  client.write(bytes(" more"));
  await settled();
  at(1).stream.reset("retry", "can't reach it either");
  await settled();
  const { stream, got } = at(2);
  stream.accept();
  stream.write(bytes("hello"));
  await settled();
  deepStrictEqual([got.text, heard.text, asked()], ["startup more", "hello", [1, 1, 1]]);
  stream.end();
  client.end();
  await settled();
});

Deno.test("the last agent's words reach the client as an error of its protocol", async () => {
  const { client, heard, routed, at } = scene(2);
  await settled();
  at(0).stream.reset("retry", "first words");
  await settled();
  at(1).stream.reset("retry", "no route to orders.internal:5432");
  await settled();
  const { text } = heard;
  ok(text.startsWith("E") && text.includes("C08004"), text);
  ok(text.includes("no route to orders.internal:5432") && heard.isEnded);
  client.end();
  strictEqual((await routed.ended)?.fields["reset"], "retry");
});

Deno.test("without an agent the client hears which service nobody serves", async () => {
  const { client, heard, routed } = scene(0);
  await settled();
  ok(heard.text.includes('no connected Database Service serves "orders"'), heard.text);
  strictEqual((await routed.ended)?.code, "proxy.no-agent");
  client.end();
  await settled();
});

Deno.test("a refusal that the agent wrote is final: no other agent is asked", async () => {
  const { client, heard, routed, at, asked } = scene(2);
  await settled();
  const { stream } = at(0);
  stream.write(bytes("no"));
  stream.end();
  await settled();
  deepStrictEqual([heard.text, heard.isEnded, asked()], ["no", true, [1, 0]]);
  client.end();
  strictEqual(await routed.ended, null);
  strictEqual(routed.accepted, false);
});

Deno.test("RESET(refused) is told and not tried elsewhere", async () => {
  const { client, heard, at, asked } = scene(2);
  await settled();
  at(0).stream.reset("refused", "you may not");
  await settled();
  ok(heard.text.includes("you may not") && heard.text.includes("C42501"), heard.text);
  deepStrictEqual(asked(), [1, 0]);
  client.end();
  await settled();
});

Deno.test("a tunnel that drains, is lost or says nothing is passed over", async () => {
  const { client, clock, at, asked, pairs } = scene(4);
  await settled();
  pairs[1]?.near.goaway("drain");
  pairs[0]?.near.close(new Fault({ kind: "network", code: "test.cut", message: "cut" }));
  await settled();
  deepStrictEqual(asked(), [1, 0, 1, 0]);
  await clock.step(acceptMsMax);
  const { stream, got } = at(3);
  strictEqual(got.text, "");
  stream.accept();
  await settled();
  strictEqual(got.text, "startup");
  stream.end();
  client.end();
  await settled();
});

Deno.test("a client that sends on before anybody accepts is held back at its limit", async () => {
  const { client, at } = scene(1);
  for (let at = 0; at < 8; at += 1) client.write(new Uint8Array(keptBytesMax / 4));
  await settled();
  ok(client.queuedBytes >= keptBytesMax / 2, `${client.queuedBytes} are still with the client`);
  const { stream, got } = at(0);
  stream.accept();
  await settled();
  deepStrictEqual([client.queuedBytes, got.bytes], [0, keptBytesMax * 2 + 7]);
  stream.end();
  client.end();
  await settled();
});

Deno.test("a client that leaves early takes its stream along", async () => {
  const { client, routed, at } = scene(1);
  await settled();
  const { got } = at(0);
  client.abort();
  await settled();
  ok(got.outcome instanceof Fault);
  ok(await routed.ended instanceof Fault);
});

Deno.test("a lost tunnel ends an accepted session at once", async () => {
  const { heard, routed, at, pairs } = scene(2);
  await settled();
  at(0).stream.accept();
  await settled();
  pairs[0]?.near.close(new Fault({ kind: "network", code: "test.cut", message: "cut" }));
  await settled();
  ok(heard.outcome instanceof Fault);
  ok(await routed.ended instanceof Fault);
});

Deno.test("a client that stays after the end is let go, once it has everything", async () => {
  const { client, clock, heard, at, routed } = scene(1);
  await settled();
  const { stream } = at(0);
  stream.accept();
  client.pause();
  stream.write(new Uint8Array(100_000));
  stream.end();
  await clock.step(goodbyeMs);
  strictEqual(heard.closedTimes, 0);
  client.resume();
  await clock.step(2 * goodbyeMs);
  deepStrictEqual([heard.bytes, heard.isEnded], [100_000, true]);
  ok(heard.outcome instanceof Fault);
  await routed.ended;
});
