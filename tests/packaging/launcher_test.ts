/** The launcher of portable executables: where it unpacks, what it trusts, what it passes on. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { serverUser } from "../../scripts/lab/postgres.ts";
import { exists, type Finished, must, root, run } from "../../scripts/lab/tools.ts";
import { timeStarts } from "../../scripts/measure/start_up.ts";
import { skipped } from "../site.ts";

const dir = await Deno.makeTempDir({ prefix: "remoteler-launcher-" });
const tsh = join(dir, "dist", "tsh");
/** What it is run with: nothing of this process's environment, no HOME. */
const bare = { PATH: "/usr/local/bin:/usr/bin:/bin" };

Deno.test.beforeAll(async () => {
  await must(join(root, "scripts", "build"), ["--portable", `--dist=${join(dir, "dist")}`], {
    timeoutMs: 600_000,
  });
});
Deno.test.afterAll(() => Deno.remove(dir, { recursive: true }));

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, sanitizeOps: false, sanitizeResources: false });
}

function start(
  env: Readonly<Record<string, string>>,
  args: readonly string[] = ["version"],
  program: string = tsh,
): Promise<Finished> {
  const words = Object.entries({ ...bare, ...env }).map(([name, value]) => `${name}=${value}`);
  return run("/usr/bin/env", ["-i", ...words, program, ...args]);
}

let made = 0;
/** A folder that isn't there yet. */
const fresh = () => join(dir, `cache-${made++}`);

async function works(env: Readonly<Record<string, string>>): Promise<void> {
  const done = await start(env);
  strictEqual(done.code, 0, done.stderr);
  match(done.stdout, /^tsh \d+\.\d+\.\d+\n$/);
}

/** Paths of what was unpacked below a cache, `deno` and the program's own files. */
function unpacked(cache: string): { readonly deno: string; readonly program: string } {
  const names = [...Deno.readDirSync(cache)].map(({ name }) => name);
  const folder = (start: string) => names.find((name) => name.startsWith(start)) ?? "missing";
  return {
    deno: join(cache, folder("runtime-"), "deno"),
    program: join(cache, folder("tsh-"), "tsh.js"),
  };
}

const holds = async (cache: string) => await exists(cache) && await exists(unpacked(cache).deno);

test("the cache is REMOTELER_CACHE, else CACHE_DIRECTORY, XDG_CACHE_HOME, HOME", async () => {
  const [own, systemd, xdg, home] = [fresh(), fresh(), fresh(), fresh()];
  await Deno.mkdir(home);
  const places: readonly [name: string, value: string, cache: string][] = [
    ["REMOTELER_CACHE", own, own],
    ["CACHE_DIRECTORY", `${systemd}:/elsewhere`, systemd],
    ["XDG_CACHE_HOME", xdg, join(xdg, "remoteler")],
    ["HOME", home, join(home, ".cache", "remoteler")],
  ];
  for (const [index, [, , cache]] of places.entries()) {
    const env = Object.fromEntries(places.slice(index).map(([name, value]) => [name, value]));
    await works(env);
    ok(await holds(cache), cache);
    const later = places.slice(index + 1).map(([, , other]) => other);
    for (const other of later) ok(!(await exists(other)), `${other} was made too`);
  }
});

test("without any of them, one clear error that says what to set", async () => {
  const done = await start({});
  strictEqual(done.code, 70);
  match(
    done.stderr,
    /^tsh: error: no folder to unpack into\ntsh: hint: set HOME or REMOTELER_CACHE/,
  );
});

test("a warm start needs no other program: nothing is hashed, counted or copied", async () => {
  const cache = fresh();
  await works({ REMOTELER_CACHE: cache });
  const env = { REMOTELER_CACHE: cache, PATH: "/nonexistent" };
  await works(env);
  await works({ ...env, NODE_OPTIONS: "--nonsense", DENO_V8_FLAGS: "--nonsense" });
});

test("a warm start costs little more than the runtime's own, nothing of Node's", async () => {
  const cache = fresh();
  await works({ REMOTELER_CACHE: cache });
  const hello = join(dir, "hello.js");
  await Deno.writeTextFile(hello, 'console.log("hello");\n');
  const bareStart = [Deno.execPath(), "run", "--quiet", "--no-config", "--no-lock", hello];
  const [own, ours] = await timeStarts([
    { name: "bare", line: bareStart, env: { HOME: dir, DENO_DIR: join(dir, "deno") } },
    { name: "tsh", line: [tsh, "version"], env: { REMOTELER_CACHE: cache } },
  ], 9);
  // CPU, since others may be at work here; any import from Node's modules more than doubles it.
  const ratio = (ours?.cpuMs ?? NaN) / (own?.cpuMs ?? NaN);
  ok(ratio < 2, `${ours?.cpuMs} ms for ${own?.cpuMs} ms`);
});

test("racing first starts all work, leave one file each, and replace none", async () => {
  const cache = fresh();
  await Promise.all(Array.from({ length: 8 }, () => works({ REMOTELER_CACHE: cache })));
  const { deno, program } = unpacked(cache);
  const inode = Deno.statSync(deno).ino;
  for (const path of [deno, program]) {
    strictEqual(Deno.statSync(path).nlink, 1);
    const folder = join(path, "..");
    deepStrictEqual([...Deno.readDirSync(folder)].filter(({ name }) => name.startsWith(".")), []);
  }
  // Missing program files make it unpack again; the runtime, which is there, stays the same file.
  await Deno.remove(program);
  await Promise.all(Array.from({ length: 4 }, () => works({ REMOTELER_CACHE: cache })));
  strictEqual(Deno.statSync(deno).ino, inode);
});

test("unpacked files that are gone or empty are put right", async () => {
  const cache = fresh();
  await works({ REMOTELER_CACHE: cache });
  const { deno, program } = unpacked(cache);
  const folder = join(program, "..");
  const chunk = [...Deno.readDirSync(folder)].find(({ name }) => name.startsWith("chunk-"));
  await Deno.remove(join(folder, chunk?.name ?? ""));
  await Deno.truncate(program);
  await Deno.truncate(deno);
  await works({ REMOTELER_CACHE: cache });
  ok(Deno.statSync(deno).size > 1_000_000);
});

test("what a killed first start left is taken away a day later", async () => {
  const cache = fresh();
  await works({ REMOTELER_CACHE: cache });
  const { program } = unpacked(cache);
  const [old, young] = [join(program, "..", ".draft.1"), join(program, "..", ".draft.2")];
  for (const draft of [old, young]) await Deno.mkdir(draft);
  await must("touch", ["-d", "3 days ago", old]);
  await Deno.remove(program);
  await works({ REMOTELER_CACHE: cache });
  deepStrictEqual([await exists(old), await exists(young)], [false, true]);
});

/** Where the packed runtime begins and how long it is, by the launcher's own text. */
async function packedRuntime(): Promise<{ readonly at: number; readonly bytes: number }> {
  const head = new TextDecoder().decode((await Deno.readFile(tsh)).subarray(0, 16_384));
  const found = /unpack "\$runtime" (\d+) (\d+) /.exec(head);
  return { at: Number(found?.[1]), bytes: Number(found?.[2]) };
}

const damages: readonly [what: string, damage: (bytes: Uint8Array, end: number) => Uint8Array][] = [
  ["in its runtime", (bytes, end) => flipped(bytes, end >> 1)],
  ["in its program", (bytes, end) => flipped(bytes, end + 5000)],
  ["by an end too early", (bytes, end) => bytes.subarray(0, end - 100_000)],
  ["by an end within its program", (bytes) => bytes.subarray(0, bytes.length - 1000)],
];

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  return bytes;
}

for (const [what, damage] of damages) {
  test(`an executable that is damaged ${what} says so and runs nothing`, async () => {
    const { at, bytes } = await packedRuntime();
    const path = join(dir, "damaged");
    await Deno.writeFile(path, damage(await Deno.readFile(tsh), at + bytes), { mode: 0o755 });
    const cache = fresh();
    const done = await start({ REMOTELER_CACHE: cache }, ["version"], path);
    strictEqual(done.code, 70);
    strictEqual(done.stdout, "");
    strictEqual(
      done.stderr,
      `tsh: error: ${path} is damaged\ntsh: hint: download or copy it again\n`,
    );
    for await (const { name } of Deno.readDir(cache)) {
      const inside = [...Deno.readDirSync(join(cache, name))].map((entry) => entry.name);
      deepStrictEqual(inside.filter((entry) => entry !== "deno"), []);
    }
  });
}

test("its folders are the user's alone, also where they were there before", async () => {
  const cache = fresh();
  await works({ REMOTELER_CACHE: cache });
  const { deno, program } = unpacked(cache);
  const modes = (paths: readonly string[]) =>
    paths.map((path) => ((Deno.statSync(path).mode ?? 0) & 0o777).toString(8));
  deepStrictEqual(modes([cache, join(deno, ".."), join(program, "..")]), ["700", "700", "700"]);
  deepStrictEqual(modes([deno, program]), ["700", "700"]);
  await Deno.remove(program);
  await Deno.chmod(join(program, ".."), 0o777);
  await works({ REMOTELER_CACHE: cache });
  deepStrictEqual(modes([join(program, "..")]), ["700"]);
});

test("a folder that is a link, or somebody else's, is not used", async () => {
  const cache = fresh();
  await works({ REMOTELER_CACHE: cache });
  const folder = join(unpacked(cache).program, "..");
  await Deno.rename(folder, `${folder}-elsewhere`);
  await Deno.symlink(`${folder}-elsewhere`, folder);
  const linked = await start({ REMOTELER_CACHE: cache });
  strictEqual(linked.code, 70);
  match(linked.stderr, /belongs to somebody else\ntsh: hint: remove it, or set REMOTELER_CACHE/);
  const other = await serverUser();
  if (other === null) return skipped("the launcher and others' files", "only root can make them");
  await Deno.remove(folder);
  await Deno.rename(`${folder}-elsewhere`, folder);
  await Deno.chown(folder, other.uid, other.gid);
  strictEqual((await start({ REMOTELER_CACHE: cache })).code, 70);
  await Deno.chown(folder, 0, 0);
  // A planted program is no program: it is unpacked anew.
  await Deno.chown(unpacked(cache).program, other.uid, other.gid);
  await works({ REMOTELER_CACHE: cache });
  strictEqual(Deno.statSync(unpacked(cache).program).uid, 0);
});

test("a folder that can't be written is named, with what to do", async () => {
  const file = fresh();
  await Deno.writeTextFile(file, "");
  const done = await start({ REMOTELER_CACHE: join(file, "below") });
  strictEqual(done.code, 70);
  match(done.stderr, /^tsh: error: can't make \S+\ntsh: hint: set REMOTELER_CACHE to a folder/);
});

test("a disk that lets no program run is named", async () => {
  const cache = fresh();
  await Deno.mkdir(cache);
  const mounted = await run("mount", ["-t", "tmpfs", "-o", "noexec,size=300m", "none", cache]);
  if (mounted.code !== 0) return skipped("a cache without exec", "nothing can be mounted here");
  try {
    const done = await start({ REMOTELER_CACHE: cache });
    strictEqual(done.code, 70);
    match(done.stderr, /can't be run here\ntsh: hint: .* a disk that lets programs run/);
  } finally {
    await must("umount", [cache]);
  }
});

test("settings of the caller's own runtime don't reach it", async () => {
  const cache = fresh();
  const coverage = fresh();
  const env = {
    DENO_V8_FLAGS: "--nonsense",
    DENO_COVERAGE_DIR: coverage,
    DENO_LOG: "debug",
    NODE_OPTIONS: "--nonsense",
    LINES_OF_TEXT: "first\nexport NODE_X;=1\nexport DENO_Y='* *'\nNODE_Z",
  };
  const bareRuntime = await run("/usr/bin/env", [
    ...["-i", `DENO_V8_FLAGS=${env.DENO_V8_FLAGS}`, Deno.execPath(), "eval", "1"],
  ]);
  ok(bareRuntime.code !== 0, "the runtime itself doesn't mind: this test shows nothing");
  const done = await start({ ...env, REMOTELER_CACHE: cache });
  deepStrictEqual([done.code, done.stderr], [0, ""]);
  ok(!(await exists(coverage)));
});

test("the product knows its own path, however it was called", async () => {
  const cache = fresh();
  const path = join(dir, "dist", "remoteler");
  const link = join(dir, "remoteler");
  await Deno.symlink(path, link);
  const calls: readonly [env: Record<string, string>, program: string, known: string][] = [
    [{}, path, path],
    [{}, link, link],
    [{ PATH: `${join(dir, "dist")}:${bare.PATH}` }, "remoteler", path],
  ];
  for (const [env, program, known] of calls) {
    const args = ["install", "systemd", "--dry-run"];
    const { stdout, stderr } = await start({ ...env, REMOTELER_CACHE: cache }, args, program);
    match(stdout, new RegExp(`^ExecStart=${known} start `, "m"), stderr);
  }
  const relative = await run("sh", ["-c", "dist/remoteler install systemd --dry-run"], {
    cwd: dir,
    env: { REMOTELER_CACHE: cache },
  });
  match(relative.stdout, new RegExp(`^ExecStart=${path} start `, "m"), relative.stderr);
});
