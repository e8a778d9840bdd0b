/**
 * Makes `dist/remoteler` and `dist/tsh`. With `deno compile` where its runtime base can be had;
 * otherwise, or with `--portable`, portable executables: a small POSIX launcher with the runtime
 * and the program packed behind it. Same command line either way; it says which of the two it made.
 * `--dist=DIR` puts them elsewhere.
 */
import { bundle, type BundledFile, filesOf } from "./lab/bundle.ts";
import { join } from "./lab/paths.ts";
import { must, root, run } from "./lab/tools.ts";

const programs = ["remoteler", "tsh"] as const;
/** Programs that run in a worker are files of their own, beside the one that starts them. */
const workers: Readonly<Record<string, string>> = {
  "argon2_worker.ts": "lib/sys/argon2_worker.ts",
};
const permissions = ["net", "read", "write", "env", "run", "sys"].map((p) => `--allow-${p}`);
const dist = option("dist") ?? join(root, "dist");

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
    say(`${join(dist, name)}: made by deno compile, ${await megabytes(join(dist, name))}`);
  }
  return true;
}

async function packAll(): Promise<void> {
  const runtime = await pack([{ name: "deno", bytes: await Deno.readFile(Deno.execPath()) }]);
  const work = await Deno.makeTempDir();
  try {
    for (const name of programs) {
      const folder = join(work, name);
      await bundle(join(root, "cmd", `${name}.ts`), folder);
      for (const [file, source] of Object.entries(name === "remoteler" ? workers : {})) {
        await bundle(join(root, source), join(work, file));
        for (const made of await filesOf(join(work, file))) {
          const isEntry = made.name === file.replace(/ts$/, "js");
          await Deno.writeFile(join(folder, isEntry ? file : made.name), made.bytes);
        }
      }
      await write(name, runtime, await pack(await filesOf(folder)));
      // What doesn't even start is not a build.
      await must(join(dist, name), ["version"], { env: { REMOTELER_CACHE: join(work, "cache") } });
      say(`${join(dist, name)}: portable, ${await megabytes(join(dist, name))}`);
    }
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Files one after the other, as one compressed stream. */
interface Packed {
  readonly files: readonly { readonly name: string; readonly size: number }[];
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

async function pack(files: readonly BundledFile[]): Promise<Packed> {
  const whole = new Blob(files.map(({ bytes }) => bytes));
  const gzip = whole.stream().pipeThrough(new CompressionStream("gzip"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await whole.arrayBuffer()));
  for (const { name, bytes } of files) {
    // The launcher takes these names apart at blanks, and an empty file for a broken one.
    if (!/^[\w.-]+$/.test(name) || bytes.length === 0) throw new Error(`${name} can't be packed`);
  }
  return {
    files: files.map(({ name, bytes }) => ({ name, size: bytes.length })),
    bytes: new Uint8Array(await new Response(gzip).arrayBuffer()),
    sha256: digest.toHex(),
  };
}

async function write(name: string, runtime: Packed, program: Packed): Promise<void> {
  const template = await Deno.readTextFile(join(root, "scripts", "launcher.sh"));
  // Offsets stand in the text whose length they depend on: fixed-width numbers settle that.
  const offset = (at: number): string => String(at + 1).padStart(10, "0");
  const fill = (start: number): string =>
    template
      .replaceAll("@NAME@", name)
      .replaceAll("@VERSION@", version)
      .replaceAll("@TARGET@", Deno.build.target)
      .replaceAll("@RUNTIME_KEY@", runtime.sha256.slice(0, 16))
      .replaceAll("@PROGRAM_KEY@", program.sha256.slice(0, 16))
      .replaceAll("@RUNTIME_AT@", offset(start))
      .replaceAll("@PROGRAM_AT@", offset(start + runtime.bytes.length))
      .replaceAll("@RUNTIME_BYTES@", String(runtime.bytes.length))
      .replaceAll("@PROGRAM_BYTES@", String(program.bytes.length))
      .replaceAll("@RUNTIME_SHA@", runtime.sha256)
      .replaceAll("@PROGRAM_SHA@", program.sha256)
      .replaceAll("@RUNTIME_SIZE@", String(runtime.files[0]?.size))
      .replaceAll("@PROGRAM_FILES@", program.files.map((file) => file.name).join(" "))
      .replaceAll(
        "@PROGRAM_SIZES@",
        program.files.map((file) => `${file.name} ${file.size}`).join(" "),
      );
  const head = new TextEncoder().encode(fill(fill(0).length));
  const path = join(dist, name);
  const draft = `${path}.draft`;
  const out = await Deno.open(draft, { write: true, create: true, truncate: true, mode: 0o755 });
  for (const part of [head, runtime.bytes, program.bytes]) {
    for (let at = 0; at < part.length;) at += await out.write(part.subarray(at));
  }
  out.close();
  await Deno.chmod(draft, 0o755);
  await Deno.rename(draft, path);
}

function option(name: string): string | undefined {
  return Deno.args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
}

async function megabytes(path: string): Promise<string> {
  return `${((await Deno.stat(path)).size / 1e6).toFixed(1)} MB`;
}
