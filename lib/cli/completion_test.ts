import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { type BasePowers, type Command, command } from "./command.ts";
import { type Completed, completionCommand, valueGiven } from "./completion.ts";
import { formatOption } from "./format.ts";
import { flag, list, required } from "./options.ts";
import { listed, runProgram } from "./program.ts";
import { fakeTerminal } from "./terminal_fake.ts";

const run = () => Promise.resolve(0);
const example = "";
const commands: readonly Command<BasePowers>[] = [
  command({ name: "login", summary: "", example, run }),
  command({ name: "put", summary: "", example, run, options: { dbs: list({ help: "" }) } }),
  command({
    ...{ name: "db connect", summary: "", example, run },
    arguments: { name: required("") },
    options: { force: flag({ help: "" }), format: formatOption },
  }),
  command({ name: "db ls", summary: "", example, run }),
];
const completed: Completed<BasePowers> = {
  name: "tsh",
  commands: () =>
    [...commands, completionCommand(completed)].map((one) =>
      listed(one.name, () => Promise.resolve(one))
    ),
  names: (_command, { option }) =>
    Promise.resolve(option === null || option === "dbs" ? ["orders", "billing"] : []),
};

async function tsh(...args: readonly string[]) {
  const terminal = fakeTerminal();
  const powers = { terminal, signal: new AbortController().signal };
  const program = { name: "tsh", summary: "", version: "", groups: {} };
  const code = await runProgram({ ...program, commands: completed.commands() }, args, powers);
  return { code, words: terminal.stdout().split("\n").filter((line) => line), terminal };
}

const cases: readonly [typed: readonly string[], offered: readonly string[]][] = [
  [[""], ["completion", "db", "login", "put"]],
  [["l"], ["login"]],
  [["db", ""], ["connect", "ls"]],
  [["db", "connect", ""], ["billing", "orders"]],
  [["db", "connect", "o"], ["orders"]],
  [["db", "ls", ""], []],
  [["db", "connect", "--f"], ["--force", "--format="]],
  [["db", "connect", "--format=j"], ["--format=json"]],
  [["db", "connect", "--format", "=", "j"], ["json"]],
  [["db", "connect", "--format", "="], ["json", "text", "yaml"]],
  [["db", "connect", "--format", ""], ["json", "text", "yaml"]],
  [["db", "connect", "--force", ""], ["billing", "orders"]],
  [["db", "connect", "orders", "--", ""], []],
  [["--debug", "db", "l"], ["ls"]],
  [["put", "--dbs=b"], ["--dbs=billing"]],
  [["put", "--dbs=orders,b"], ["--dbs=orders,billing"]],
  [["put", "--dbs", "=", "orders,b"], ["orders,billing"]],
  [["nonsense", "x", ""], []],
];
for (const [typed, offered] of cases) {
  Deno.test(`completion after ${JSON.stringify(typed.join(" "))} offers what fits`, async () => {
    deepStrictEqual((await tsh("completion", "words", "--", ...typed)).words, offered);
  });
}

Deno.test("the value of an option is found however it was typed", () => {
  strictEqual(valueGiven(["get", "--config=a", "x"], "config"), "a");
  strictEqual(valueGiven(["get", "--config", "a", "x"], "config"), "a");
  strictEqual(valueGiven(["get", "--config", "=", "a"], "config"), "a");
  strictEqual(valueGiven(["get", "-c", "a"], "c"), "a");
  strictEqual(valueGiven(["get", "x"], "config"), null);
  strictEqual(valueGiven(["get", "--config"], "config"), null);
});

Deno.test("an unknown shell is refused", async () => {
  const { code, terminal } = await tsh("completion", "cmd");
  strictEqual(code, 2);
  match(terminal.stderr(), /bash, zsh, fish/);
});
