/**
 * Makes `dist/remoteler` and `dist/tsh`. With `deno compile` where its runtime base can be had;
 * otherwise portable executables: a small POSIX launcher with the runtime and the program packed
 * behind it. Same command line either way; it says which of the two it made.
 */
import { join } from "./lab/paths.ts";
import { must, root, run } from "./lab/tools.ts";

const programs = ["remoteler", "tsh"] as const;
/** Programs that run in a worker are files of their own, beside the one that starts them. */
const workers: Readonly<Record<string, string>> = {
  "argon2_worker.ts": "lib/sys/argon2_worker.ts",
};
const permissions = ["net", "read", "write", "env", "run", "sys"].map((p) => `--allow-${p}`);
const dist = join(root, "dist");

/**
 * CommonJS libraries call `require`. The bundler gives them one, but misses its own place for it
 * when the minifier happens to choose a name with `$`: so every bundle brings one along.
 */
const requireForBundles = 'import{createRequire as _createRequire}from"node:module";' +
  "const require=_createRequire(import.meta.url);\n";

const version: string = JSON.parse(await Deno.readTextFile(join(root, "deno.json"))).version;
const say = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));

await Deno.mkdir(dist, { recursive: true });
const portable = Deno.args.includes("--portable") || !(await compileAll());
if (portable) await packAll();

/** True when `deno compile` made both. */
async function compileAll(): Promise<boolean> {
  for (const name of programs) {
    const includes = Object.values(workers).flatMap((path) => ["--include", join(root, path)]);
    const done = await run(Deno.execPath(), [
      ...["compile", "--quiet", "--no-prompt", ...permissions, ...includes],
      ...["--output", join(dist, name), join(root, "cmd", `${name}.ts`)],
    ], { cwd: root, timeoutMs: 600_000 });
    if (done.code !== 0) {
      say("deno compile can't get its runtime base here: making portable executables instead");
      return false;
    }
    say(`dist/${name}: made by deno compile, ${await megabytes(join(dist, name))}`);
  }
  return true;
}

async function packAll(): Promise<void> {
  const runtime = await pack(await Deno.readFile(Deno.execPath()));
  const work = await Deno.makeTempDir();
  try {
    for (const name of programs) {
      await bundle(join(root, "cmd", `${name}.ts`), join(work, `${name}.js`));
      const files: { name: string; packed: Packed }[] = [];
      files.push({
        name: `${name}.js`,
        packed: await pack(await Deno.readFile(join(work, `${name}.js`))),
      });
      for (const [file, source] of Object.entries(name === "remoteler" ? workers : {})) {
        await bundle(join(root, source), join(work, "worker.js"));
        files.push({
          name: file,
          packed: await pack(await Deno.readFile(join(work, "worker.js"))),
        });
      }
      await write(name, runtime, files);
      // What doesn't even start is not a build.
      await must(join(dist, name), ["version"], { env: { REMOTELER_CACHE: join(work, "cache") } });
      say(`dist/${name}: portable, ${await megabytes(join(dist, name))}`);
    }
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

interface Packed {
  readonly bytes: Uint8Array;
  readonly size: number;
  readonly sha256: string;
}

async function bundle(from: string, to: string): Promise<void> {
  await must(Deno.execPath(), [
    ...["bundle", "--quiet", "--platform", "deno", "--minify", "--output", to, from],
  ], { cwd: root });
  await Deno.writeTextFile(to, requireForBundles + await Deno.readTextFile(to));
}

async function pack(bytes: Uint8Array<ArrayBuffer>): Promise<Packed> {
  const gzip = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return {
    bytes: new Uint8Array(await new Response(gzip).arrayBuffer()),
    size: bytes.length,
    sha256: [...digest].map((b) => b.toString(16).padStart(2, "0")).join(""),
  };
}

async function write(
  name: string,
  runtime: Packed,
  files: readonly { name: string; packed: Packed }[],
): Promise<void> {
  const template = await Deno.readTextFile(join(root, "scripts", "launcher.sh"));
  const key = files.map((f) => f.packed.sha256.slice(0, 16)).join("-");
  // Offsets stand in the text whose length they depend on: fixed-width numbers settle that.
  const fill = (start: number): string => {
    let at = start + 1;
    const place = (packed: Packed): string => {
      const here = String(at).padStart(10, "0");
      at += packed.bytes.length;
      return here;
    };
    const runtimeAt = place(runtime);
    const checks = files.map(({ name: file, packed }) =>
      `intact "$program/${file}" ${packed.size} || unpack ${
        place(packed)
      } ${packed.bytes.length} ${packed.sha256} "$program" ${file} ${packed.size}`
    );
    return template
      .replaceAll("@NAME@", name)
      .replaceAll("@VERSION@", version)
      .replaceAll("@RUNTIME_KEY@", runtime.sha256.slice(0, 16))
      .replaceAll("@PROGRAM_KEY@", key)
      .replaceAll("@RUNTIME_SIZE@", String(runtime.size))
      .replaceAll("@RUNTIME_AT@", runtimeAt)
      .replaceAll("@RUNTIME_BYTES@", String(runtime.bytes.length))
      .replaceAll("@RUNTIME_SHA@", runtime.sha256)
      .replaceAll("@PROGRAM_CHECKS@", checks.join("\n"));
  };
  const head = new TextEncoder().encode(fill(fill(0).length));
  const path = join(dist, name);
  const draft = `${path}.draft`;
  const out = await Deno.open(draft, { write: true, create: true, truncate: true, mode: 0o755 });
  for (const part of [head, runtime.bytes, ...files.map((f) => f.packed.bytes)]) {
    for (let at = 0; at < part.length;) at += await out.write(part.subarray(at));
  }
  out.close();
  await Deno.chmod(draft, 0o755);
  await Deno.rename(draft, path);
}

async function megabytes(path: string): Promise<string> {
  return `${((await Deno.stat(path)).size / 1e6).toFixed(1)} MB`;
}
