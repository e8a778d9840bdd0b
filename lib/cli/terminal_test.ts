import { rejects, strictEqual } from "node:assert/strict";
import { progress } from "./progress.ts";
import { readSecret } from "./terminal.ts";
import { fakeTerminal } from "./terminal_fake.ts";

Deno.test("a secret is typed without echo", async () => {
  const terminal = fakeTerminal({ isTerminal: true, typed: ["hunter2"] });
  strictEqual(await readSecret(terminal, { prompt: "password: " }), "hunter2");
  strictEqual(terminal.stderr(), "password: \n");
});

Deno.test("a secret from stdin is its first line", async () => {
  const terminal = fakeTerminal({ stdin: "hunter2\r\nmore\n" });
  strictEqual(await readSecret(terminal, { prompt: "", fromStdin: true }), "hunter2");
});

Deno.test("nobody is asked when stdin is no terminal, and nothing is no secret", async () => {
  const asked = { prompt: "", flag: "--password-stdin" };
  await rejects(readSecret(fakeTerminal(), asked), { code: "cli.no-terminal" });
  const silent = fakeTerminal({ isTerminal: true, typed: [""] });
  await rejects(readSecret(silent, { prompt: "" }), { code: "cli.no-input" });
  await rejects(readSecret(fakeTerminal(), { prompt: "", fromStdin: true }), {
    code: "cli.no-input",
  });
});

Deno.test("progress is a bar on a terminal, ten times a second at most, nothing in a pipe", () => {
  let now = 0;
  const terminal = fakeTerminal({ isTerminal: true });
  const bar = progress(terminal, "copying", () => now);
  bar.at(1, 4);
  bar.at(2, 4);
  now = 200;
  bar.at(3, 4);
  bar.end();
  const drawn = terminal.stderr().split("\r\u001b[K");
  strictEqual(drawn.length, 4);
  strictEqual(drawn[2], "copying [##################------] 75%");
  const pipe = fakeTerminal();
  progress(pipe, "copying", () => now).at(1, 2);
  strictEqual(pipe.stderr(), "");
});
