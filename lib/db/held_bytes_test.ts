import assert from "node:assert/strict";
import { HeldBytes } from "./held_bytes.ts";

function fresh(): { readonly held: HeldBytes; readonly sent: () => string } {
  let sent = "";
  const held = new HeldBytes((bytes) => (sent += new TextDecoder().decode(bytes)));
  return { held, sent: () => sent };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("bytes that wait for nothing pass at once", () => {
  const { held, sent } = fresh();
  held.push(bytes("a"), false);
  assert.equal(sent(), "a");
  assert.equal(held.bytes, 0);
});

Deno.test("bytes wait for the statements before them, and for no later ones", () => {
  const { held, sent } = fresh();
  held.push(bytes("a"), false);
  held.push(bytes("b"), true);
  const first = held.seal();
  held.push(bytes("c"), false);
  held.push(bytes("d"), true);
  const second = held.seal();
  held.push(bytes("e"), false);
  assert.equal(sent(), "a");
  assert.equal(held.bytes, 4);
  held.release(first);
  assert.equal(sent(), "abc");
  held.release(second);
  assert.equal(sent(), "abcde");
  held.push(bytes("f"), false);
  assert.equal(sent(), "abcdef");
});

Deno.test("what was cleared is never sent", () => {
  const { held, sent } = fresh();
  held.push(bytes("a"), true);
  const turn = held.seal();
  held.clear();
  held.release(turn);
  assert.equal(sent(), "");
  assert.equal(held.bytes, 0);
});
