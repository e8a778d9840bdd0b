/** What each library adds to the two programs: bytes, and the time that loading it takes. */
import { bundle, filesOf } from "../lab/bundle.ts";
import { join } from "../lab/paths.ts";
import { root } from "../lab/tools.ts";

export interface SizeRow {
  readonly library: string;
  /** Bytes of minified program text, and of the same packed, by program. */
  readonly adds: Readonly<Record<string, Size>>;
}

export interface Size {
  readonly bytes: number;
  readonly packed: number;
}

export const programNames = ["tsh", "remoteler"] as const;

/** Libraries of deno.json that are part of a program. */
export const libraries = [
  "commander",
  "hash-wasm",
  "valibot",
  "@valibot/to-json-schema",
  "yaml",
] as const;

/** The programs whole, then each library by what is left without it. */
export async function measureSizes(dir: string): Promise<{
  readonly whole: Readonly<Record<string, Size>>;
  readonly rows: readonly SizeRow[];
}> {
  const whole: Record<string, Size> = {};
  for (const name of programNames) whole[name] = await sizeOf(name, join(dir, "whole", name), []);
  const rows: SizeRow[] = [];
  for (const library of libraries) {
    const adds: Record<string, Size> = {};
    for (const name of programNames) {
      const folder = join(dir, library.replaceAll("/", "_"), name);
      const without = await sizeOf(name, folder, ["--external", library]);
      adds[name] = {
        bytes: Math.max(0, (whole[name]?.bytes ?? 0) - without.bytes),
        packed: Math.max(0, (whole[name]?.packed ?? 0) - without.packed),
      };
    }
    rows.push({ library, adds });
  }
  return { whole, rows };
}

async function sizeOf(name: string, folder: string, flags: readonly string[]): Promise<Size> {
  await bundle(join(root, "cmd", `${name}.ts`), folder, flags);
  const blob = new Blob((await filesOf(folder)).map(({ bytes }) => bytes));
  const packed = blob.stream().pipeThrough(new CompressionStream("gzip"));
  return { bytes: blob.size, packed: (await new Response(packed).arrayBuffer()).byteLength };
}

/** A program that loads one library and does nothing with it, for its start to be timed. */
export async function loader(library: string, dir: string): Promise<string> {
  // Below the root, so that deno.json says which version is meant.
  const source = join(root, `.load_${library.replaceAll(/\W/g, "_")}.ts`);
  const folder = join(dir, "load", library.replaceAll(/\W/g, "_"));
  await Deno.writeTextFile(
    source,
    `import * as library from ${JSON.stringify(library)};\n` +
      "if (Object.keys(library).length === 0) throw new Error();\n",
  );
  try {
    await bundle(source, folder);
  } finally {
    await Deno.remove(source);
  }
  const [entry] = (await filesOf(folder)).filter(({ name }) => name.startsWith(".load"));
  return join(folder, entry?.name ?? "");
}
