import assert from "node:assert/strict";
import { latin1 } from "../../latin1.ts";
import { command } from "../resp.ts";
import { routeOfArguments } from "./route.ts";
import { crc16, slotOf } from "./slots.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const route = (line: string) => routeOfArguments(line.split(" ").map(bytes));

Deno.test("slots are those of the specification", () => {
  assert.equal(crc16(bytes("123456789")), 0x31c3);
  assert.equal(slotOf(bytes("123456789")), 0x31c3);
  assert.equal(slotOf(bytes("foo")), 12182);
  assert.equal(slotOf(bytes("bar")), 5061);
  assert.equal(slotOf(bytes("")), 0);
});

Deno.test("of a key with a tag only the tag counts, if there is something in it", () => {
  const user = slotOf(bytes("user1000"));
  assert.equal(slotOf(bytes("{user1000}.following")), user);
  assert.equal(slotOf(bytes("x{user1000}{other}")), user);
  assert.equal(slotOf(bytes("foo{}{bar}")), crc16(bytes("foo{}{bar}")) % 16384);
  assert.equal(slotOf(bytes("foo{{bar}}zap")), slotOf(bytes("{bar")));
  assert.equal(slotOf(bytes("foo{bar")), crc16(bytes("foo{bar")) % 16384);
});

Deno.test("a command goes to the node of its first key", () => {
  const foo = { to: "slot", slot: 12182 };
  for (
    const line of [
      ...["get foo", "SET foo 1", "incr foo", "lpush foo a b", "object encoding foo", "sort foo"],
      ...["eval x 1 foo", "evalsha x 2 foo bar", "fcall f 1 foo arg", "xread streams foo $"],
      ...["xreadgroup group g c count 1 streams foo >", "blpop foo 0", "zunion 1 foo"],
      ...["sort foo by w_* get # store bar", "xgroup create foo g 0", "json.get foo $"],
      ...["spublish foo hi", "ssubscribe foo", "msetnx foo 1 bar 2", "sinter foo bar"],
      ...["migrate h 1 foo 0 5", "bitop and foo bar", "zinterstore foo 2 a b", "lmpop 1 foo left"],
    ]
  ) assert.deepEqual(route(line), foo, line);
});

Deno.test("what names no key goes to one node, or to all where it means all", () => {
  for (const line of ["ping", "time", "info", "eval x 0", "publish c m", "acl whoami", "get"]) {
    assert.deepEqual(route(line), { to: "home" }, line);
  }
  assert.deepEqual(route("DBSIZE"), { to: "masters", combine: "sum" });
  assert.deepEqual(route("keys *"), { to: "masters", combine: "joined" });
  assert.deepEqual(route("script load x"), { to: "masters", combine: "first" });
  assert.deepEqual(route("cluster countkeysinslot 7"), { to: "slot", slot: 7 });
  assert.equal(route("cluster meet h 1").to, "nowhere");
  assert.deepEqual(route("cluster keyslot foo"), { to: "home" });
});

Deno.test("commands over several keys are cut by slots, and only where that is no lie", () => {
  const cut = route("mget foo bar {foo}2");
  assert.equal(cut.to, "parts");
  if (cut.to !== "parts") return;
  assert.equal(cut.combine, "ordered");
  assert.deepEqual(
    cut.parts.map(({ slot, places, bytes }) => [slot, places, latin1(bytes)]),
    [
      [12182, [0, 2], latin1(command("mget", "foo", "{foo}2"))],
      [5061, [1], latin1(command("mget", "bar"))],
    ],
  );
  const set = route("MSET foo 1 bar 2");
  assert.equal(set.to, "parts");
  if (set.to === "parts") {
    assert.equal(latin1(set.parts[1]?.bytes ?? bytes("")), latin1(command("MSET", "bar", "2")));
  }
  assert.deepEqual(route("mget foo {foo}2"), { to: "slot", slot: 12182 });
  assert.deepEqual(route("mset foo 1 bar"), { to: "home" }, "a node says what is wrong");
  for (
    const line of ["msetnx foo 1 bar 2", "sunion foo bar", "pfcount foo bar", "rename foo bar"]
  ) {
    assert.equal(route(line).to, "slot", line);
  }
});
