/** A program as the executables hold it: one entry, and chunks that are loaded when used. */
import { join } from "./paths.ts";
import { must, root } from "./tools.ts";

/**
 * CommonJS libraries call `require`. The bundler gives them one, but loads half of Node for it in
 * every start, and misses its own place where the minifier happens to choose a name with `$`. Ours
 * comes into being when something is required.
 */
const requireForBundles =
  'const require=(id)=>process.getBuiltinModule("node:module").createRequire(import.meta.url)(id);';
const bundlersImport =
  /import *\{createRequire as __deno_internal_createRequire\} *from *"node:module";/;
const bundlersRequire = "__deno_internal_createRequire(import.meta.url)";

/** Puts the program that begins in the file `from` into a folder. */
export async function bundle(
  from: string,
  folder: string,
  flags: readonly string[] = [],
): Promise<void> {
  await must(Deno.execPath(), [
    ...["bundle", "--quiet", "--platform", "deno", "--minify", "--code-splitting"],
    ...[...flags, "--outdir", folder, from],
  ], { cwd: root });
  for (const { name } of [...Deno.readDirSync(folder)]) {
    const text = await Deno.readTextFile(join(folder, name));
    if (!/require/i.test(text)) continue;
    const ours = text.replace(bundlersImport, "").replaceAll(bundlersRequire, "require");
    if (ours.includes("createRequire as")) throw new Error(`${name}: require in an unknown form`);
    await Deno.writeTextFile(join(folder, name), requireForBundles + ours);
  }
}

/** A file of a bundle. */
export interface BundledFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The files of a folder, in the order of their names. */
export async function filesOf(folder: string): Promise<readonly BundledFile[]> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  return await Promise.all(
    names.map(async (name) => ({ name, bytes: await Deno.readFile(join(folder, name)) })),
  );
}
