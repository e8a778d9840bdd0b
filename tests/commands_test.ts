/** Both tables of commands, walked: what every command owes whoever types it. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { adminCommands, adminGroups, type AdminPowers } from "../lib/admin/mod.ts";
import { type BasePowers, type Listed, runProgram } from "../lib/cli/mod.ts";
import { fakeTerminal } from "../lib/cli/terminal_fake.ts";
import { clientCommands, clientGroups, type ClientPowers } from "../lib/client/mod.ts";
import { adviceOf, codes } from "../lib/core/codes.ts";
import { sources } from "./house.ts";

interface Table {
  readonly name: string;
  readonly commands: readonly Listed<ClientPowers & AdminPowers>[];
  readonly groups: Readonly<Record<string, string>>;
}

const tables: readonly Table[] = [
  { name: "tsh", commands: clientCommands, groups: clientGroups },
  { name: "remoteler", commands: adminCommands, groups: adminGroups },
];

/** What the program says to a command line that runs no command. */
async function said(table: Table, args: readonly string[]): Promise<string> {
  const terminal = fakeTerminal();
  // Nothing but the terminal is touched before a command runs.
  const powers = { terminal, signal: new AbortController().signal } satisfies BasePowers;
  const program = { ...table, summary: "", version: "1.2.3" };
  const all = program as unknown as Parameters<typeof runProgram<BasePowers>>[0];
  await runProgram(all, args, powers);
  return terminal.stdout() + terminal.stderr();
}

for (const table of tables) {
  for (const line of table.commands) {
    Deno.test(`${table.name} ${line.name} has a help with an example that is its own`, async () => {
      const command = await line.load();
      strictEqual(command.name, line.name);
      ok(command.summary !== "" && !command.summary.endsWith("."), command.summary);
      const help = await said(table, [...line.name.split(" "), "--help"]);
      ok(help.includes(`\nExample:\n  ${table.name} ${command.example}\n`), help);
      ok(command.example.startsWith(command.name));
      for (const [name, { help: words }] of command.options) {
        ok(help.includes(`--${name}`) && words !== "", name);
      }
    });
  }

  Deno.test(`${table.name}'s examples name options and values that there are`, async () => {
    for (const line of table.commands) {
      const { example, options } = await line.load();
      for (const [, name = "", value] of example.matchAll(/ --([a-z-]+)(?:=(\S+))?/g)) {
        const option = options.get(name);
        ok(option !== undefined, `${line.name}: --${name}`);
        if (value !== undefined) option.read(name, [value.replaceAll("'", "")]);
      }
    }
  });

  Deno.test(`every noun of ${table.name} is explained, and no other`, () => {
    const nouns = table.commands.map(({ name }) => name.split(" "))
      .flatMap(([noun = "", verb]) => verb === undefined ? [] : [noun]);
    deepStrictEqual([...new Set(nouns)].sort(), Object.keys(table.groups).sort());
  });

  Deno.test(`${table.name} --help lists every command or its noun`, async () => {
    const help = await said(table, ["--help"]);
    for (const { name } of table.commands) {
      match(help, new RegExp(`^  ${name.split(" ")[0]} `, "m"));
    }
  });
}

Deno.test("what is shown is waited for: a process that ends takes the rest with it", async () => {
  const wrong: string[] = [];
  for (const { path, text } of await sources("lib/admin", "lib/client")) {
    text.split("\n").forEach((line, index) => {
      if (/^\s*(else )?(show|showList)\(/.test(line)) wrong.push(`${path}:${index + 1}`);
    });
  }
  deepStrictEqual(wrong, []);
});

Deno.test("every code that a person can be shown says what to do", () => {
  for (const [code, words] of Object.entries(codes)) {
    const advice = adviceOf(code as keyof typeof codes);
    if (words.endsWith(". Nothing to do.")) strictEqual(advice, null);
    else match(advice ?? "", /^[a-z-].*[^.]$/, code);
  }
});
