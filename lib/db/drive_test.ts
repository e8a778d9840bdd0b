import assert from "node:assert/strict";
import { settled } from "../../tests/fakes/clock.ts";
import { pipe, Recorder } from "../../tests/fakes/pipe.ts";
import { Fault } from "../core/fault.ts";
import type { Handshake, Measure } from "../wire/protocol.ts";
import { drive, lineOf, pbkdf2 } from "./drive.ts";

const signal = new AbortController().signal;
const encoder = new TextEncoder();
const text = (bytes: unknown): string =>
  bytes instanceof Uint8Array ? new TextDecoder().decode(bytes) : "";
/** One byte of length, then as many bytes. */
const measure: Measure = (held) => held.length === 0 ? null : (held[0] ?? 0) + 1;
const frame = (body: string): Uint8Array => Uint8Array.from([body.length, ...encoder.encode(body)]);

function* twoFrames(): Handshake<string> {
  const first = yield { do: "frame", measure, maxBytes: 10 };
  yield { do: "send", bytes: encoder.encode("ok") };
  const second = yield { do: "frame", measure, maxBytes: 10 };
  return `${text(first).slice(1)} ${text(second).slice(1)}`;
}

for (const cut of [1, 3, 100]) {
  Deno.test(`drive() gives whole frames however they arrive: ${cut} bytes at a time`, async () => {
    const [near, far] = pipe({ cut: () => cut });
    const received = new Recorder();
    far.attach(received);
    far.write(new Uint8Array([...frame("one"), ...frame("two"), ...encoder.encode("rest")]));
    const { result, line } = await drive(twoFrames(), lineOf(near), { signal });
    assert.equal(result, "one two");
    await settled();
    assert.equal(received.text, "ok");
    const left = new Recorder();
    const { early } = line.reader.release();
    near.attach(left);
    await settled();
    assert.equal(text(early) + left.text, "rest");
  });
}

Deno.test("drive() refuses a frame over its limit at the header", async () => {
  const [near, far] = pipe();
  far.write(Uint8Array.of(200));
  await assert.rejects(
    drive(twoFrames(), lineOf(near), { signal }),
    (thrown) => thrown instanceof Fault && thrown.code === "db.frame-size",
  );
});

Deno.test("drive() says that the peer left in the middle", async () => {
  const [near, far] = pipe();
  far.write(Uint8Array.of(5, 1));
  far.end();
  await assert.rejects(
    drive(twoFrames(), lineOf(near), { signal }),
    (thrown) => thrown instanceof Fault && thrown.code === "db.ended-early",
  );
});

function* startTls(early: "refuse" | "tls"): Handshake<string> {
  yield { do: "frame", measure, maxBytes: 10 };
  yield { do: "tls", as: "client", early };
  return text(yield { do: "frame", measure, maxBytes: 10 }).slice(1);
}

Deno.test("drive() refuses bytes that were slipped in before TLS", async () => {
  const [near, far] = pipe();
  far.write(new Uint8Array([...frame("S"), ...frame("evil")]));
  let asked = false;
  const tls = () => {
    asked = true;
    return Promise.resolve(near);
  };
  await assert.rejects(
    drive(startTls("refuse"), lineOf(near), { signal, tls }),
    (thrown) => thrown instanceof Fault && thrown.code === "db.early-bytes",
  );
  assert.equal(asked, false);
});

Deno.test("drive() hands early bytes to TLS where the script says so", async () => {
  const [near, far] = pipe();
  const [inner, outer] = pipe();
  far.write(new Uint8Array([...frame("S"), ...encoder.encode("hello")]));
  outer.write(frame("inside"));
  let handed = "";
  const { result, line } = await drive(startTls("tls"), lineOf(near), {
    signal,
    tls: (_, early) => {
      handed = text(early);
      return Promise.resolve(inner);
    },
  });
  assert.equal(result, "inside");
  assert.equal(handed, "hello");
  assert.equal(line.stream, inner);
});

Deno.test("drive() tears down the TLS stream that a failed script leaves behind", async () => {
  const [near, far] = pipe();
  const [inner, outer] = pipe();
  far.write(frame("S"));
  outer.end();
  await assert.rejects(
    drive(startTls("refuse"), lineOf(near), { signal, tls: () => Promise.resolve(inner) }),
  );
  assert.ok(inner.isClosed);
});

Deno.test("drive() ends at the signal", async () => {
  const stop = new AbortController();
  const [near] = pipe();
  const driving = drive(twoFrames(), lineOf(near), { signal: stop.signal });
  stop.abort(new Error("too late"));
  await assert.rejects(driving, /too late/);
});

Deno.test("pbkdf2() derives the key of RFC 7914 §11", async () => {
  const key = await pbkdf2({
    do: "pbkdf2",
    hash: "SHA-256",
    password: "passwd",
    salt: encoder.encode("salt"),
    iterations: 1,
    bytes: 64,
  });
  assert.equal(key.toHex().slice(0, 32), "55ac046e56e3089fec1691c22544b605");
});
