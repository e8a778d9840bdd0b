/**
 * Writes the files under docs/ that are made from code; with `--check` says which differ instead.
 */
import { auditEventsMarkdown, auditJsonSchema } from "../lib/audit/describe.ts";
import { configJsonSchema, configMarkdown } from "../lib/config/mod.ts";
import { resources } from "../lib/api/resources.ts";
import { jsonSchema } from "../lib/schema/mod.ts";
import { commandsMarkdown } from "./commands_page.ts";
import { errorsMarkdown } from "./errors_page.ts";

/** A file that is made from code, as it has to be. */
export interface Generated {
  /** From the root of the tree. */
  readonly path: string;
  readonly content: string;
}

const root = new URL("../", import.meta.url);

export async function generated(): Promise<readonly Generated[]> {
  return [
    { path: "docs/audit.schema.json", content: json(auditJsonSchema()) },
    { path: "docs/audit-events.md", content: await formatted(auditEventsMarkdown()) },
    { path: "docs/configuration.md", content: await formatted(configMarkdown()) },
    { path: "docs/config.schema.json", content: json(configJsonSchema()) },
    { path: "docs/resources.schema.json", content: json(resourcesJsonSchema()) },
    { path: "docs/commands.md", content: await formatted(await commandsMarkdown()) },
    { path: "docs/errors.md", content: await formatted(errorsMarkdown(await sourceTexts())) },
  ];
}

/** One resource, of any kind. */
function resourcesJsonSchema(): Record<string, unknown> {
  const kinds = Object.entries(resources).map(([kind, schema]) => {
    const { $schema: _, ...described } = jsonSchema(schema);
    return [kind, described] as const;
  });
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "A resource of Remoteler, as `remoteler get` prints and `remoteler create` takes it",
    oneOf: kinds.map(([kind]) => ({ $ref: `#/definitions/${kind}` })),
    definitions: Object.fromEntries(kinds),
  };
}

/** Those whose file is another or missing. */
export async function stale(): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const { path, content } of await generated()) {
    const found = await Deno.readTextFile(new URL(path, root)).catch(() => null);
    if (found !== content) paths.push(path);
  }
  return paths;
}

/** Of all that is no test, in the order of their paths. */
async function sourceTexts(): Promise<readonly string[]> {
  const paths: URL[] = [];
  const walk = async (folder: URL): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) await walk(new URL(`${name}/`, folder));
      else if (/\.ts$/.test(name) && !/_(test|fake|cases)\.ts$/.test(name)) {
        paths.push(new URL(name, folder));
      }
    }
  };
  for (const folder of ["lib/", "cmd/"]) await walk(new URL(folder, root));
  paths.sort((a, b) => a.href < b.href ? -1 : 1);
  return await Promise.all(paths.map((path) => Deno.readTextFile(path)));
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Markdown as `deno fmt` wants it, so that the formatter and this script agree. */
async function formatted(markdown: string): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", "--ext=md", "-"],
    cwd: root,
    stdin: "piped",
    stdout: "piped",
  });
  const process = command.spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(markdown));
  await writer.close();
  const { success, stdout } = await process.output();
  if (!success) throw new Error("deno fmt failed");
  return new TextDecoder().decode(stdout);
}

async function main(): Promise<number> {
  if (Deno.args.includes("--check")) {
    const paths = await stale();
    if (paths.length === 0) return 0;
    await say(`out of date: ${paths.join(", ")}\nrun: deno task generate\n`);
    return 1;
  }
  for (const { path, content } of await generated()) {
    await Deno.writeTextFile(new URL(path, root), content);
    await say(`wrote ${path}\n`);
  }
  return 0;
}

async function say(text: string): Promise<void> {
  await Deno.stderr.write(new TextEncoder().encode(text));
}

if (import.meta.main) Deno.exit(await main());
