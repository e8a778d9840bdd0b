/** What the tests of the house share: the sources, and what their syntax trees say. */
import { join, relative, resolve } from "node:path";

export interface Import {
  readonly line: number;
  readonly from: string;
  readonly typeOnly: boolean;
  /** `import(...)`: loaded when used. */
  readonly lazy: boolean;
}

export interface Finding {
  readonly line: number;
  readonly rule: string;
  readonly text: string;
}

export interface Source {
  /** From the top of the tree, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  readonly findings: readonly Finding[];
}

export const top: string = resolve(import.meta.dirname ?? ".", "..");

/** Every TypeScript file of these folders and files, parsed. */
export async function sources(...paths: readonly string[]): Promise<readonly Source[]> {
  const found: Source[] = [];
  for (const path of paths) {
    for await (const file of files(join(top, path))) {
      found.push(parse(relative(top, file), await Deno.readTextFile(file)));
    }
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

export async function* files(path: string): AsyncGenerator<string> {
  const info = await Deno.stat(path).catch(() => null);
  if (info === null) return;
  if (info.isFile) {
    if (path.endsWith(".ts") || path.endsWith(".tsx")) yield path;
    return;
  }
  for (const entry of Deno.readDirSync(path)) {
    if (entry.name === "node_modules" || entry.name.startsWith(".")) continue;
    yield* files(join(path, entry.name));
  }
}

/** The file that a relative import names, from the top of the tree; null for a package. */
export function target(source: Source, from: string): string | null {
  if (!from.startsWith(".")) return null;
  return join(source.path, "..", from);
}

/** The room of a file (`lib/<room>/...`), `cmd`, or null outside both. */
export function roomOf(path: string): string | null {
  const [first, second] = path.split("/");
  if (first === "cmd") return "cmd";
  return first === "lib" && second !== undefined ? second : null;
}

function parse(path: string, text: string): Source {
  const imports: Import[] = [];
  const findings: Finding[] = [];
  const starts = lineStarts(text);
  const lineOf = (offset: number): number => lineAt(starts, offset);
  Deno.lint.runPlugin(reader(imports, findings, lineOf), "file.ts", text);
  return { path, text, imports, findings };
}

const functionLinesMax = 60;

/** Reads a tree once: its imports, and what the tidy test objects to. */
function reader(
  imports: Import[],
  findings: Finding[],
  lineOf: (offset: number) => number,
): Deno.lint.Plugin {
  const found = (node: { range: [number, number] }, rule: string, text: string): void => {
    findings.push({ line: lineOf(node.range[0]), rule, text });
  };
  const imported = (
    node: { range: [number, number] },
    from: string,
    typeOnly: boolean,
    lazy = false,
  ): void => {
    imports.push({ line: lineOf(node.range[0]), from, typeOnly, lazy });
  };
  const body = (node: { range: [number, number] }): void => {
    const lines = lineOf(node.range[1]) - lineOf(node.range[0]) + 1;
    if (lines > functionLinesMax) found(node, "function-length", `a function of ${lines} lines`);
  };
  const visitor: Deno.lint.LintVisitor = {
    ImportDeclaration: (node) =>
      imported(
        node,
        node.source.value,
        node.importKind === "type" ||
          (node.specifiers.length > 0 &&
            node.specifiers.every((s) => s.type === "ImportSpecifier" && s.importKind === "type")),
      ),
    ExportNamedDeclaration: (node) => {
      if (node.source) imported(node, node.source.value, node.exportKind === "type");
    },
    ExportAllDeclaration: (node) => imported(node, node.source.value, node.exportKind === "type"),
    ImportExpression: (node) => {
      if (node.source.type === "Literal" && typeof node.source.value === "string") {
        imported(node, node.source.value, false, true);
      }
    },
    TSImportType: (node) => {
      const literal = node.argument.type === "TSLiteralType" ? node.argument.literal : null;
      if (literal?.type === "Literal") imported(node, String(literal.value), true);
    },
    FunctionDeclaration: body,
    FunctionExpression: body,
    ArrowFunctionExpression: body,
    TSAnyKeyword: (node) => found(node, "any", "`any`"),
    TSAsExpression: (node) => {
      const type = node.typeAnnotation;
      const isConst = type.type === "TSTypeReference" && type.typeName.type === "Identifier" &&
        type.typeName.name === "const";
      if (!isConst) found(node, "as", "a cast with `as`");
    },
    TSTypeAssertion: (node) => found(node, "as", "a cast with `<T>`"),
    TSNonNullExpression: (node) => found(node, "non-null", "a `!` assertion"),
    TSEnumDeclaration: (node) => found(node, "enum", "an enum"),
    TSModuleDeclaration: (node) => found(node, "namespace", "a namespace"),
    TSParameterProperty: (node) => found(node, "parameter-property", "a parameter property"),
    ExportDefaultDeclaration: (node) => found(node, "default-export", "a default export"),
    MemberExpression: (node) => {
      if (node.object.type !== "Identifier") return;
      if (node.object.name === "Deno") found(node, "runtime", "names Deno");
      if (node.object.name === "console") found(node, "console", "logs with console");
    },
    PropertyDefinition: (node) => {
      if (node.accessibility === "private") found(node, "private", "`private` in place of `#`");
    },
  };
  return { name: "house", rules: { read: { create: () => visitor } } };
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

function lineAt(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low + 1;
}
