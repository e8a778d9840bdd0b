import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { type BasePowers, type Command, command } from "./command.ts";
import { type Completed, completionCommand } from "./completion.ts";
import { formatOption } from "./format.ts";
import { flag, required } from "./options.ts";
import { runProgram } from "./program.ts";
import { fakeTerminal } from "./terminal_fake.ts";

const run = () => Promise.resolve(0);
const example = "";
const commands: readonly Command<BasePowers>[] = [
  command({ name: "login", summary: "", example, run }),
  command({
    ...{ name: "db connect", summary: "", example, run },
    arguments: { name: required("") },
    options: { force: flag({ help: "" }), format: formatOption },
  }),
  command({ name: "db ls", summary: "", example, run }),
];
const completed: Completed<BasePowers> = {
  name: "tsh",
  commands: () => [...commands, completionCommand(completed)],
  names: () => Promise.resolve(["orders", "billing"]),
};

async function tsh(...args: readonly string[]) {
  const terminal = fakeTerminal();
  const powers = { terminal, signal: new AbortController().signal };
  const program = { name: "tsh", summary: "", version: "", groups: {} };
  const code = await runProgram({ ...program, commands: completed.commands() }, args, powers);
  return { code, words: terminal.stdout().split("\n").filter((line) => line), terminal };
}

const cases: readonly [typed: readonly string[], offered: readonly string[]][] = [
  [[""], ["completion", "db", "login"]],
  [["l"], ["login"]],
  [["db", ""], ["connect", "ls"]],
  [["db", "connect", ""], ["billing", "orders"]],
  [["db", "connect", "o"], ["orders"]],
  [["db", "ls", ""], []],
  [["db", "connect", "--f"], ["--force", "--format="]],
  [["db", "connect", "--format=j"], ["--format=json"]],
  [["db", "connect", "--format", "=", "j"], ["json"]],
  [["db", "connect", "--format", "="], ["json", "text", "yaml"]],
  [["nonsense", "x", ""], []],
];
for (const [typed, offered] of cases) {
  Deno.test(`completion after ${JSON.stringify(typed.join(" "))} offers what fits`, async () => {
    deepStrictEqual((await tsh("completion", "words", "--", ...typed)).words, offered);
  });
}

Deno.test("an unknown shell is refused", async () => {
  const { code, terminal } = await tsh("completion", "cmd");
  strictEqual(code, 2);
  match(terminal.stderr(), /bash, zsh, fish/);
});
