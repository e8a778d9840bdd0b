/** The completion scripts in the shells that they are for, as they are typed into. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { type Person, programs } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { run, waitFor } from "../../scripts/lab/tools.ts";
import { have, siteSuite } from "../site.ts";

let alice: Person;
/** A folder with `tsh` and `remoteler` for PATH. */
let bin: string;

const test = siteSuite({
  databases: { orders: { env: "test" }, "order-archive": {}, billing: {} },
}, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "billing"]);
  bin = join(alice.home, "bin");
  await Deno.mkdir(bin);
  for (const [name, words] of Object.entries(programs())) {
    const line = words.map((word) => `'${word}'`).join(" ");
    await Deno.writeTextFile(join(bin, name), `#!/bin/sh\nexec ${line} "$@"\n`, { mode: 0o755 });
  }
});

const environment = (): Record<string, string> => ({
  ...alice.env,
  PATH: `${bin}:/usr/bin:/bin`,
  TERM: "dumb",
  LC_ALL: "C.UTF-8",
});

async function script(program: "tsh" | "remoteler", shell: string): Promise<string> {
  const done = await run(join(bin, program), ["completion", shell], { env: environment() });
  strictEqual(done.code, 0, done.stderr);
  return done.stdout;
}

/** What an interactive shell shows after `setup` and a command line that ends in a tab. */
async function typed(shell: string, setup: string, line: string, until: RegExp): Promise<string> {
  const child = new Deno.Command("script", {
    args: ["-qec", shell, "/dev/null"],
    env: environment(),
    cwd: alice.home,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let shown = "";
  const reading = (async () => {
    for await (const chunk of child.stdout) shown += new TextDecoder().decode(chunk);
  })();
  const writer = child.stdin.getWriter();
  const type = (text: string) => writer.write(new TextEncoder().encode(text));
  try {
    await type(`${setup}\necho rea''dy\n`);
    await waitFor(`${shell} is ready`, 20_000, () => shown.includes("ready"));
    const before = shown.length;
    await type(`${line}\t`);
    await waitFor(`${shell} shows ${until}`, 30_000, () => until.test(shown.slice(before)))
      .catch((e) => {
        throw new Error(`${e.message}: ${JSON.stringify(shown)}`);
      });
    return shown.slice(before);
  } finally {
    child.kill("SIGKILL");
    await writer.close().catch(() => {});
    await reading;
    await child.status;
  }
}

test("bash completes databases, option values and commands on its command line", async () => {
  if (!(await have("script", "completion in bash"))) return;
  const file = join(alice.home, "tsh.bash");
  await Deno.writeTextFile(file, await script("tsh", "bash"));
  const shell = "bash --norc --noprofile -i";
  const setup = `. '${file}'`;
  match(await typed(shell, setup, "tsh db connect b", /illing /), /^tsh db connect billing /);
  match(await typed(shell, setup, "tsh db connect o", /rder/), /rder$/);
  match(await typed(shell, setup, "tsh db ls --format=y", /yaml /), /--format=yaml /);
  match(await typed(shell, setup, "tsh db exec x --dbs=orders,b", /illing /), /orders,billing /);
  match(await typed(shell, setup, "tsh doc", /doctor /), /tsh doctor /);
});

for (const how of ["sourced", "on fpath"]) {
  test(`zsh completes databases at the first tab, its script ${how}`, async () => {
    if (!(await have("script", "completion in zsh"))) return;
    if (!(await have("zsh", "completion in zsh"))) return;
    const folder = join(alice.home, how.replace(" ", "-"));
    await Deno.mkdir(folder);
    const file = join(folder, "_tsh");
    await Deno.writeTextFile(file, await script("tsh", "zsh"));
    const init = "autoload -Uz compinit";
    const dump = `-u -d '${folder}/dump'`;
    const setup = how === "sourced"
      ? `${init}; compinit ${dump}; . '${file}'`
      : `fpath=('${folder}' $fpath); ${init}; compinit ${dump}`;
    match(await typed("zsh -f -i", setup, "tsh db connect b", /illing/), /illing/);
    match(await typed("zsh -f -i", setup, "tsh db ls --format=y", /aml/), /aml/);
    match(await typed("zsh -f -i", setup, "tsh db env ", /illing/), /illing/);
  });
}

test("fish completes databases, and nothing else where they are meant", async () => {
  if (!(await have("fish", "completion in fish"))) return;
  const folder = join(alice.home, ".config", "fish", "completions");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "tsh.fish"), await script("tsh", "fish"));
  const offered = async (line: string) => {
    const done = await run("fish", ["-c", 'complete -C "$argv[1]"', line], {
      env: environment(),
      cwd: alice.home,
    });
    return done.stdout.split("\n").filter((one) => one !== "").sort();
  };
  deepStrictEqual(await offered("tsh db connect o"), ["order-archive", "orders"]);
  deepStrictEqual(await offered("tsh db env "), ["billing"]);
  deepStrictEqual(await offered("tsh db exec x --dbs=billing,o"), [
    "--dbs=billing,order-archive",
    "--dbs=billing,orders",
  ]);
  deepStrictEqual(await offered("tsh db ls --format=j"), ["--format=json"]);
  deepStrictEqual(await offered("tsh db connect orders -- "), await offered("no-such-program "));
  await Deno.writeTextFile(join(alice.home, "ca.pem"), "");
  deepStrictEqual(await offered("tsh login --ca-file=ca"), ["--ca-file=ca.pem"]);
});

test("remoteler completes kinds, and names of what there is", async (site: Site) => {
  const words = async (...typed: readonly string[]) =>
    (await run(join(bin, "remoteler"), ["completion", "words", "--", ...typed], {
      env: { ...environment(), REMOTELER_CONFIG: site.auth.configFile },
    })).stdout.split("\n").filter((one) => one !== "");
  deepStrictEqual(await words("users", "rm", ""), ["alice"]);
  deepStrictEqual(await words("get", "cert_authority/db"), [
    "cert_authority/db",
    "cert_authority/db_client",
  ]);
  deepStrictEqual(await words("get", "-c", "/nonexistent", "user/"), []);
  ok((await words("edit", "")).includes("role"));
  deepStrictEqual(await words("edit", "role/ac"), ["role/access"]);
});

test("all of remoteler's and tsh's scripts are what their shells can read", async () => {
  for (const program of ["tsh", "remoteler"] as const) {
    for (const shell of ["bash", "zsh", "fish"]) {
      if (!(await have(shell, `completion in ${shell}`))) continue;
      const done = await run(shell, ["-n", "/dev/stdin"], { input: await script(program, shell) });
      strictEqual(done.code, 0, done.stderr);
    }
  }
});
