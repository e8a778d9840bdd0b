import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Fault, type FaultCode, type FaultKind } from "../core/fault.ts";
import {
  type BasePowers,
  choice,
  command,
  count,
  duration,
  flag,
  formatOption,
  list,
  listed,
  optional,
  pairs,
  required,
  rest,
  runProgram,
  showList,
  text,
  yamlOf,
} from "./mod.ts";
import { type FakeTerminal, fakeTerminal } from "./terminal_fake.ts";

interface Powers extends BasePowers {
  readonly seen: unknown[];
  readonly fail?: () => never;
}

const program = {
  name: "prog",
  summary: "does things",
  version: "1.2.3",
  groups: { db: "databases" },
  commands: [
    command({
      name: "db ls",
      summary: "lists databases",
      example: "db ls --format=json",
      options: { format: formatOption },
      run: async (options, powers: Powers) => {
        const rows = [{ name: "a\u001b[31m", size: 5 }, { name: "数据", size: 12 }];
        await showList(powers.terminal, options.format, rows, [
          { title: "NAME", cell: (row) => row.name },
          { title: "SIZE", cell: (row) => String(row.size), right: true },
        ], "no databases");
        return 0;
      },
    }),
    command({
      name: "put",
      summary: "puts",
      example: "put one",
      arguments: { name: required("a name"), other: optional("more"), rest: rest("the rest") },
      options: {
        force: flag({ help: "force", short: "f" }),
        text: text({ help: "text" }),
        uses: count({ help: "uses", min: 1, max: 9 }),
        ttl: duration({ help: "how long" }),
        mode: choice(["slow", "fast"], { help: "mode", otherwise: "slow" }),
        roles: list({ help: "roles" }),
        "key-labels": pairs({ help: "labels" }),
      },
      run: (options, powers: Powers) => {
        powers.seen.push(options);
        powers.fail?.();
        return Promise.resolve(options.force ? 3 : 0);
      },
    }),
  ].map((one) => listed(one.name, () => Promise.resolve(one))),
};

async function run(
  argv: readonly string[],
  fail?: () => never,
): Promise<{ code: number; seen: readonly unknown[]; terminal: FakeTerminal }> {
  const terminal = fakeTerminal();
  const seen: unknown[] = [];
  const signal = new AbortController().signal;
  const powers = { terminal, signal, seen, ...(fail === undefined ? {} : { fail }) };
  return { code: await runProgram(program, argv, powers), seen, terminal };
}

Deno.test("options and arguments arrive typed, and the exit code is the command's", async () => {
  const { code, seen } = await run([
    ...["put", "-f", "--text=x", "--uses", "3", "--ttl=1h30m", "--mode=fast", "--roles=a,b"],
    ...["--roles=c", "--key-labels", "env=prod,tier=1", "one", "two", "--", "--debug", "-x"],
  ]);
  strictEqual(code, 3);
  deepStrictEqual(seen, [{
    name: "one",
    other: "two",
    rest: ["--debug", "-x"],
    force: true,
    text: "x",
    uses: 3,
    ttl: 5_400_000,
    mode: "fast",
    roles: ["a", "b", "c"],
    "key-labels": new Map([["env", "prod"], ["tier", "1"]]),
  }]);
});

Deno.test("what is left out has its default", async () => {
  const { code, seen } = await run(["put", "one"]);
  strictEqual(code, 0);
  deepStrictEqual(seen, [{
    name: "one",
    other: null,
    rest: [],
    force: false,
    text: null,
    uses: null,
    ttl: null,
    mode: "slow",
    roles: [],
    "key-labels": new Map(),
  }]);
});

const usage: readonly (readonly [readonly string[], RegExp])[] = [
  [["put"], /^prog: error: missing required argument 'name'\nprog: hint: see prog put --help\n$/],
  [["put", "a", "--forc"], /error: unknown option '--forc'\nprog: hint: did you mean --force\?\n$/],
  [["db", "lst"], /^prog: error: unknown command 'lst'\nprog: hint: did you mean ls\?\n$/],
  [["putt"], /^prog: error: unknown command 'putt'\nprog: hint: did you mean put\?\n$/],
  [["put", "a", "--uses=0"], /^prog: error: --uses should be a whole number from 1 to 9\n/],
  [["put", "a", "--ttl=soon"], /^prog: error: --ttl should be a duration like "30s"/],
  [["put", "a", "--mode=x"], /^prog: error: --mode should be one of slow, fast\n/],
  [["put", "a", "--key-labels=x"], /^prog: error: --key-labels should be pairs like key=value\n/],
  [["db", "ls", "x"], /^prog: error: too many arguments/],
];
for (const [argv, expected] of usage) {
  Deno.test(`a wrong command line is told and ends with 2: ${argv.join(" ")}`, async () => {
    const { code, terminal, seen } = await run(argv);
    match(terminal.stderr(), expected);
    deepStrictEqual([code, terminal.stdout(), seen], [2, "", []]);
  });
}

Deno.test("help goes to stdout with an example; nothing asked is help on stderr", async () => {
  const help = await run(["put", "--help"]);
  strictEqual(help.code, 0);
  match(
    help.terminal.stdout(),
    /Usage: prog put [^]*--ttl <DURATION>[^]*Example:\n {2}prog put one/,
  );
  const none = await run([]);
  deepStrictEqual([none.code, none.terminal.stdout()], [2, ""]);
  match(none.terminal.stderr(), /Usage: prog/);
  const group = await run(["db"]);
  deepStrictEqual([group.code, group.terminal.stdout()], [2, ""]);
  match(group.terminal.stderr(), /lists databases/);
  match((await run(["--version"])).terminal.stdout(), /^prog 1\.2\.3\n$/);
});

Deno.test("a fault is error and hint, its kind the exit code; causes by --debug", async () => {
  const fail = (): never => {
    throw new Fault({
      kind: "denied",
      code: "test.what",
      message: "user a may not\u001b[0m",
      hint: "ask",
      fields: { id: 7 },
      cause: new Error("deep"),
    });
  };
  const plain = await run(["put", "x"], fail);
  strictEqual(plain.code, 5);
  strictEqual(plain.terminal.stderr(), "prog: error: user a may not\ufffd[0m\nprog: hint: ask\n");
  const debug = await run(["put", "x", "--debug"], fail);
  match(debug.terminal.stderr(), /prog: debug: code test\.what[^]*id=7[^]*cause: Error: deep/);
});

Deno.test("what is no fault is an internal error with 70", async () => {
  const { code, terminal } = await run(["put", "x"], () => {
    throw new TypeError("oops");
  });
  strictEqual(code, 70);
  match(terminal.stderr(), /^prog: error: internal error: TypeError: oops\nprog: hint: .*--debug/);
});

Deno.test("tables align wide characters, carry no escapes; json and yaml are whole", async () => {
  const shown = await run(["db", "ls"]);
  strictEqual(shown.terminal.stdout(), "NAME    SIZE\na\ufffd[31m     5\n数据      12\n");
  const json = await run(["db", "ls", "--format=json"]);
  const rows = [{ name: "a\u001b[31m", size: 5 }, { name: "数据", size: 12 }];
  deepStrictEqual(JSON.parse(json.terminal.stdout()), rows);
  match((await run(["db", "ls", "--format=yaml"])).terminal.stdout(), /name: 数据\n/);
});

Deno.test("yaml has what several rows share in each of them", async () => {
  const labels = { env: "prod" };
  strictEqual(
    await yamlOf([{ name: "a", labels }, { name: "b", labels }]),
    "- name: a\n  labels:\n    env: prod\n- name: b\n  labels:\n    env: prod\n",
  );
});

Deno.test("a flag named no-x counts where it is given, and only there", async () => {
  const seen: boolean[] = [];
  const ask = command({
    name: "ask",
    summary: "",
    example: "",
    options: { "no-confirm": flag({ help: "" }) },
    run: (options) => Promise.resolve(seen.push(options["no-confirm"]) * 0),
  });
  const program = {
    name: "p",
    summary: "",
    version: "",
    groups: {},
    commands: [listed("ask", () => Promise.resolve(ask))],
  };
  const powers = { terminal: fakeTerminal(), signal: new AbortController().signal };
  await runProgram(program, ["ask"], powers);
  await runProgram(program, ["ask", "--no-confirm"], powers);
  deepStrictEqual(seen, [false, true]);
});

Deno.test("only the command that is meant is loaded; help loads all", async () => {
  const loaded: string[] = [];
  const commands = program.commands.map(({ name, load }) =>
    listed(name, () => {
      loaded.push(name);
      return load();
    })
  );
  const powers = { terminal: fakeTerminal(), signal: new AbortController().signal, seen: [] };
  await runProgram({ ...program, commands }, ["db", "ls"], powers);
  await runProgram({ ...program, commands }, ["--debug", "db", "ls", "--format=json"], powers);
  deepStrictEqual(loaded, ["db ls", "db ls"]);
  await runProgram({ ...program, commands }, ["db"], powers);
  deepStrictEqual(loaded.slice(2), ["db ls", "put"]);
});

Deno.test("what has no hint of its own gets the advice of its code, or none", async () => {
  const hints = async (code: FaultCode, kind: FaultKind) => {
    const { terminal } = await run(["put", "x"], () => {
      throw new Fault({ kind, code, message: "so" });
    });
    return terminal.stderr();
  };
  strictEqual(
    await hints("db.statement-timeout", "limit"),
    "prog: error: so\nprog: hint: make it smaller, or ask for another role\n",
  );
  strictEqual(await hints("cli.interrupted", "cancelled"), "prog: error: so\n");
});
