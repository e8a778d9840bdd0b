/**
 * Files in which a protocol's own programs look up their connections: libpq's service file ("The
 * Connection Service File"), MySQL's option file ("Using Option Files"). What is ours for a
 * database stands between marks; all else in the file is the user's own and stays as it is.
 */
import { Fault } from "../core/fault.ts";
import type { ClientPowers } from "./powers.ts";

/** `[header]` and its lines. */
export interface FileGroup {
  readonly header: string;
  /** Keywords and values in this order; with null the keyword stands alone. */
  readonly values: readonly (readonly [string, string | null])[];
}

/** One such file. */
export interface ConnectionFile {
  readonly path: string;
  /** A value as the file has it after the `=`. */
  readonly quoted: (value: string) => string;
  /** What can be done where the user's own group has the name. */
  readonly elsewhere: string;
}

type Powers = Pick<ClientPowers, "files">;

/** Writes the groups of a database, in place of ours that are there. */
export async function writeGroups(
  file: ConnectionFile,
  name: string,
  groups: readonly FileGroup[],
  { files }: Powers,
): Promise<void> {
  const before = await files.readText(file.path) ?? "";
  const own = withoutGroups(before, name);
  const taken = groups.find(({ header }) => hasGroup(own, header));
  if (taken !== undefined) {
    throw new Fault({
      kind: "conflict",
      code: "client.service-taken",
      message: `${file.path} has a section [${taken.header}] of your own`,
      hint: file.elsewhere,
    });
  }
  const gap = own === "" || own.endsWith("\n") ? "" : "\n";
  await files.writePrivate(file.path, `${own}${gap}${draw(file, name, groups)}`);
}

/** Removes our groups of that database; the file stays, unless nothing else was in it. */
export async function removeGroups(
  { path }: Pick<ConnectionFile, "path">,
  name: string,
  { files }: Powers,
): Promise<void> {
  const before = await files.readText(path);
  if (before === null) return;
  const after = withoutGroups(before, name);
  if (after === before) return;
  if (after.trim() === "") await files.remove(path);
  else await files.writePrivate(path, after);
}

/** Whether a file's text has the group. */
export function hasGroup(text: string, header: string): boolean {
  return new RegExp(`^\\s*\\[${RegExp.escape(header)}\\]`, "m").test(text);
}

const begin = (name: string): string => `# >>> tsh: ${name} (changes in here are overwritten)`;
const end = (name: string): string => `# <<< tsh: ${name}`;

function draw(file: ConnectionFile, name: string, groups: readonly FileGroup[]): string {
  const lines = groups.flatMap(({ header, values }) => [
    `[${header}]`,
    ...values.map(([keyword, value]) =>
      value === null ? keyword : `${keyword}=${file.quoted(oneLine(keyword, value))}`
    ),
  ]);
  return [begin(name), ...lines, end(name), ""].join("\n");
}

function oneLine(keyword: string, value: string): string {
  if (!/[\r\n]/.test(value)) return value;
  const message = `${keyword} holds a line break, which a service file can't`;
  throw new Fault({ kind: "invalid", code: "client.bad-service", message });
}

/** Groups that were begun and never ended are left alone: they can't be told from the user's. */
function withoutGroups(text: string, name: string): string {
  const lines = text.split(/(?<=\n)/);
  const from = lines.findIndex((line) => line.trimEnd() === begin(name));
  const to = lines.findIndex((line, index) => index > from && line.trimEnd() === end(name));
  if (from < 0 || to < 0) return text;
  return [...lines.slice(0, from), ...lines.slice(to + 1)].join("");
}
