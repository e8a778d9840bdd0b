/** Reads `remoteler.yaml` and says everything that is wrong with it at once. */
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { Fault } from "../core/fault.ts";
import { v } from "../schema/mod.ts";
import { contradictions } from "./contradictions.ts";
import { type Config, configJsonSchema, shape } from "./shape.ts";
import { closest, knownKeys } from "./suggest.ts";

/** One mistake: where it is, in which field, and what should be there. Never a value. */
export interface ConfigIssue {
  /** From 1. */
  readonly line: number;
  /** Dotted, with list positions from 0: `db_service.databases.0.uri`. */
  readonly field: string;
  readonly expected: string;
}

export type Path = readonly (string | number)[];
/** A mistake before its line is known. */
export interface Mistake {
  readonly path: Path;
  readonly expected: string;
}

export type Loaded =
  | { readonly ok: true; readonly config: Config; readonly lineOf: (path: Path) => number }
  | { readonly ok: false; readonly issues: readonly ConfigIssue[] };

/** Largest file that is read. */
const fileCharactersMax = 1 << 20;

/** Reads a configuration from the text of its file: all of it, or all that is wrong with it. */
export function loadConfig(text: string): Loaded {
  if (text.length > fileCharactersMax) {
    return { ok: false, issues: [{ line: 1, field: "", expected: "a file of at most 1 MiB" }] };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    schema: "core",
    merge: false,
  });
  const syntax = document.errors.map((error): ConfigIssue => ({
    line: lines.linePos(error.pos[0]).line,
    field: "",
    expected: syntaxWords(error.code, error.message),
  }));
  if (syntax.length > 0) return { ok: false, issues: syntax };
  const lineOf = (path: Path): number => lineAt(document, lines, path);
  if (document.contents !== null && !isMap(document.contents)) {
    return { ok: false, issues: [{ line: 1, field: "", expected: "should be a mapping" }] };
  }
  const input = plain(document);
  if (input === null) {
    return { ok: false, issues: [{ line: 1, field: "", expected: "has too many aliases" }] };
  }
  const read = v.safeParse(shape, input, { abortPipeEarly: true });
  const mistakes = [
    ...(read.success ? [] : read.issues.map(shapeMistake)),
    ...contradictions(input),
  ];
  if (read.success && mistakes.length === 0) return { ok: true, config: read.output, lineOf };
  return { ok: false, issues: located(mistakes, lineOf) };
}

/** The document as plain data; null where aliases multiply it beyond sense. */
function plain(document: Document): unknown {
  try {
    const input: unknown = document.toJS({ maxAliasCount: 100 });
    return input ?? {};
  } catch {
    return null;
  }
}

/** Mistakes with their lines, in the order of the file. */
export function located(
  mistakes: readonly Mistake[],
  lineOf: (path: Path) => number,
): readonly ConfigIssue[] {
  return mistakes
    .map(({ path, expected }) => ({ line: lineOf(path), field: path.join("."), expected }))
    .sort((a, b) => a.line - b.line);
}

/** All issues as one fault (`config.invalid`), a line for each: `file:line: field: expected`. */
export function configFault(file: string, issues: readonly ConfigIssue[]): Fault {
  const message = issues
    .map(({ line, field, expected }) =>
      `${file}:${line}: ${field === "" ? "" : `${field}: `}${expected}`
    )
    .join("\n");
  return new Fault({
    kind: "invalid",
    code: "config.invalid",
    message,
    shown: message,
    hint: issues.length === 1 ? "one thing to put right" : `${issues.length} things to put right`,
    fields: { issues: issues.length },
  });
}

function shapeMistake(issue: v.BaseIssue<unknown>): Mistake {
  const path = (issue.path ?? []).map((part): string | number =>
    typeof part.key === "number" ? part.key : String(part.key)
  );
  if (issue.kind === "schema" && issue.type === "strict_object") {
    if (issue.expected === "never") return { path, expected: unknownKey(path) };
    if (issue.input === undefined) return { path, expected: "is missing" };
  }
  return { path, expected: `should be ${expectation(issue)}${found(issue.input)}` };
}

function unknownKey(path: Path): string {
  const known = knownKeys(configJsonSchema(), path.slice(0, -1));
  const meant = closest(String(path.at(-1)), known);
  if (meant !== null) return `unknown field, did you mean ${meant}?`;
  return `unknown field, known here: ${known.join(", ")}`;
}

function expectation(issue: v.BaseIssue<unknown>): string {
  if (issue.kind === "validation") return issue.message;
  switch (issue.type) {
    case "string":
      return "text";
    case "number":
      return "a number";
    case "boolean":
      return "true or false";
    case "array":
      return "a list";
    case "strict_object":
    case "record":
      return "a mapping";
    case "union":
      return "one text or a list of them";
    default:
      return (issue.expected ?? issue.message).replace(/[()]/g, "").replaceAll(" | ", " or ");
  }
}

function found(input: unknown): string {
  if (input === undefined) return "";
  if (input === null) return ", is empty";
  if (Array.isArray(input)) return ", is a list";
  switch (typeof input) {
    case "object":
      return ", is a mapping";
    case "boolean":
      return ", is true or false";
    case "number":
      return ", is a number";
    default:
      return "";
  }
}

function syntaxWords(code: string, message: string): string {
  if (code === "DUPLICATE_KEY") return "a field stands here twice";
  if (code === "TAB_AS_INDENT") return "is indented by a tab, YAML wants blanks";
  return `is no YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`;
}

/** Line of the deepest part of a path that the file has. */
function lineAt(document: Document, lines: LineCounter, path: Path): number {
  let node: unknown = document.contents;
  let offset = isNode(node) ? node.range?.[0] ?? 0 : 0;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) =>
        isScalar(item.key) ? String(item.key.value) === String(key) : false
      );
      if (pair === undefined) break;
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      if (!isNode(node)) break;
      offset = node.range?.[0] ?? offset;
    } else break;
  }
  return lines.linePos(offset).line;
}
