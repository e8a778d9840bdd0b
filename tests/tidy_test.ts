/** The habits of the house that a machine can check; CONTRIBUTING says why they are there. */
import { deepStrictEqual } from "node:assert/strict";
import { join } from "node:path";
import { version } from "../lib/core/version.ts";
import { files, type Source, sources, target, top } from "./house.ts";

const fileLinesMax = 400;
const lineCharactersMax = 100;
const bannedNames = /^(utils?|helpers?|common|managers?|misc)$/;
/** Refused everywhere outside tests, whatever the room. */
const refused = new Set([
  "any",
  "enum",
  "namespace",
  "parameter-property",
  "default-export",
  "private",
  "non-null",
  "function-length",
]);

/**
 * Files that narrow untyped data with `as`, each with its reason. A file that no longer needs it
 * has to leave the list.
 */
const readers: Readonly<Record<string, string>> = {
  "lib/cli/command.ts": "values come out of the readers that their types are taken from",
};

/** Tests, and what only tests use. */
const testing = /^tests\/|(_test|_fake|_cases)\.ts$/;

const places = ["lib", "cmd", "scripts", "tests", "mod.ts"] as const;
const everything: readonly Source[] = await sources(...places);

Deno.test("files and lines stay short", () => {
  const wrong: string[] = [];
  for (const { path, text } of everything) {
    const lines = text.split("\n");
    if (lines.length - 1 > fileLinesMax) wrong.push(`${path} has ${lines.length - 1} lines`);
    lines.forEach((line, index) => {
      if (line.length > lineCharactersMax && !/https?:\/\/\S{60}/.test(line)) {
        wrong.push(`${path}:${index + 1} has ${line.length} characters`);
      }
    });
  }
  deepStrictEqual(wrong, []);
});

Deno.test("names say what a file holds", () => {
  const wrong: string[] = [];
  for (const { path } of everything) {
    for (const part of path.replace(/\.tsx?$/, "").split("/")) {
      if (bannedNames.test(part)) wrong.push(`${path}: ${part} says nothing`);
      if (!/^[a-z0-9_]+$/.test(part)) wrong.push(`${path}: ${part} is not snake_case`);
    }
  }
  deepStrictEqual(wrong, []);
});

Deno.test("no any, enum, default export, parameter property or long function", () => {
  const wrong: string[] = [];
  for (const source of everything) {
    const isTest = testing.test(source.path);
    for (const { line, rule, text } of source.findings) {
      if (!refused.has(rule)) continue;
      if (isTest && (rule === "function-length" || rule === "non-null")) continue;
      wrong.push(`${source.path}:${line} ${text}`);
    }
  }
  deepStrictEqual(wrong, []);
});

Deno.test("casts stay in the readers of untyped data", () => {
  const wrong: string[] = [];
  const used = new Set<string>();
  for (const { path, findings } of everything) {
    if (testing.test(path) || !path.startsWith("lib/")) continue;
    for (const { line, rule, text } of findings) {
      if (rule !== "as") continue;
      used.add(path);
      if (!(path in readers)) wrong.push(`${path}:${line} ${text}`);
    }
  }
  for (const path of Object.keys(readers)) {
    if (!used.has(path)) wrong.push(`${path} is listed as a reader and casts nothing`);
  }
  deepStrictEqual(wrong, []);
});

Deno.test("nobody logs with console", () => {
  const wrong: string[] = [];
  for (const { path, findings } of everything) {
    if (path.startsWith("scripts/") || path.startsWith("tests/")) continue;
    for (const { line, rule, text } of findings) {
      if (rule === "console") wrong.push(`${path}:${line} ${text}`);
    }
  }
  deepStrictEqual(wrong, []);
});

Deno.test("what is to be done later is an issue, not a comment", () => {
  const wrong: string[] = [];
  // Spelled apart so that this file doesn't find itself.
  const later = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|")})\\b`);
  for (const { path, text } of everything) {
    text.split("\n").forEach((line, index) => {
      if (later.test(line)) wrong.push(`${path}:${index + 1} ${line.trim()}`);
    });
  }
  deepStrictEqual(wrong, []);
});

Deno.test("every file of lib is reached from mod.ts, a main, a script or a worker", () => {
  const all = everything;
  const byPath = new Map(all.map((source) => [source.path, source]));
  const reached = new Set<string>();
  const walk = (path: string): void => {
    const source = byPath.get(path);
    if (source === undefined || reached.has(path)) return;
    reached.add(path);
    for (const edge of source.imports) {
      const next = target(source, edge.from);
      if (next !== null) walk(next);
    }
    for (const [, name] of source.text.matchAll(/new URL\(\s*"(\.[^"]+\.ts)"/g)) {
      walk(join(path, "..", name ?? ""));
    }
  };
  for (const { path } of all) if (/^(cmd|scripts)\/|^mod\.ts$/.test(path)) walk(path);
  const dead = all
    .map((source) => source.path)
    .filter((path) => path.startsWith("lib/") && !reached.has(path))
    .filter((path) => !/(_test|_fake|_cases)\.ts$/.test(path));
  deepStrictEqual(dead, []);
});

Deno.test("every unit test lies beside what it tests", async () => {
  const wrong: string[] = [];
  for await (const file of files(join(top, "lib"))) {
    if (!file.endsWith("_test.ts")) continue;
    const folder = join(file, "..");
    const siblings: string[] = [];
    for await (const other of files(folder)) siblings.push(other);
    if (siblings.every((other) => other.endsWith("_test.ts"))) wrong.push(file);
  }
  deepStrictEqual(wrong, []);
});

Deno.test("the version in the code is that of deno.json", async () => {
  const json: unknown = JSON.parse(await Deno.readTextFile(join(top, "deno.json")));
  deepStrictEqual(Object.entries(json ?? {}).find(([name]) => name === "version"), [
    "version",
    version,
  ]);
});
