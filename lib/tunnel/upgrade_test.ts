import { ok, rejects } from "node:assert/strict";
import { pipe, Recorder } from "../../tests/fakes/pipe.ts";
import { Fault } from "../core/fault.ts";
import { PullReader } from "../core/pull.ts";
import { acceptUpgrade } from "./upgrade.ts";

Deno.test("a line of blanks costs no more time than its length", async () => {
  const [near, far] = pipe();
  far.attach(new Recorder());
  const line = `X-A:${" ".repeat(8000)}\r \r\n`;
  far.write(new TextEncoder().encode(`GET /v1/tunnel HTTP/1.1\r\nHost: a\r\n${line}\r\n`));
  const started = performance.now();
  const options = { sha1: (bytes: Uint8Array) => bytes, signal: new AbortController().signal };
  await rejects(
    acceptUpgrade(new PullReader(near), options),
    (error) => error instanceof Fault && error.code === "tunnel.upgrade",
  );
  // It took minutes when an expression did it.
  ok(performance.now() - started < 2000);
});
