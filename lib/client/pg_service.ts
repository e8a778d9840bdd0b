/**
 * libpq's service file ("The Connection Service File"): one section for each database, between
 * marks of ours; all else in the file is the user's own and stays as it is.
 */
import { Fault } from "../core/fault.ts";
import type { ClientPowers } from "./powers.ts";
import { homeOf } from "./profile.ts";

export interface ServiceSection {
  readonly name: string;
  /** libpq's keywords and values, in this order. */
  readonly values: readonly (readonly [string, string])[];
}

type Powers = Pick<ClientPowers, "files" | "env">;

export function serviceFile(powers: Powers): string {
  return powers.env("PGSERVICEFILE") ?? `${homeOf(powers)}/.pg_service.conf`;
}

/** Writes a section, in place of the one of ours with the same name. */
export async function writeService(section: ServiceSection, powers: Powers): Promise<void> {
  const file = serviceFile(powers);
  const before = await powers.files.readText(file) ?? "";
  const own = withoutSection(before, section.name);
  if (new RegExp(`^\\s*\\[${RegExp.escape(section.name)}\\]`, "m").test(own)) {
    throw new Fault({
      kind: "conflict",
      code: "client.service-taken",
      message: `${file} has a section [${section.name}] of your own`,
      hint: "rename it, or use another file: PGSERVICEFILE=FILE tsh db login ...",
    });
  }
  const gap = own === "" || own.endsWith("\n") ? "" : "\n";
  await powers.files.writePrivate(file, `${own}${gap}${draw(section)}`);
}

/** Removes our section of that name; the file stays, unless nothing else was in it. */
export async function removeService(name: string, powers: Powers): Promise<void> {
  const file = serviceFile(powers);
  const before = await powers.files.readText(file);
  if (before === null) return;
  const after = withoutSection(before, name);
  if (after === before) return;
  if (after.trim() === "") await powers.files.remove(file);
  else await powers.files.writePrivate(file, after);
}

const begin = (name: string): string => `# >>> tsh: ${name} (changes in here are overwritten)`;
const end = (name: string): string => `# <<< tsh: ${name}`;

function draw({ name, values }: ServiceSection): string {
  for (const [keyword, value] of values) {
    if (!/[\r\n]/.test(value)) continue;
    const message = `${keyword} holds a line break, which a service file can't`;
    throw new Fault({ kind: "invalid", code: "client.bad-service", message });
  }
  const lines = values.map(([keyword, value]) => `${keyword}=${value}`);
  return [begin(name), `[${name}]`, ...lines, end(name), ""].join("\n");
}

/**
 * A section that was begun and never ended is left alone: it can't be told from the user's text.
 */
function withoutSection(text: string, name: string): string {
  const lines = text.split(/(?<=\n)/);
  const from = lines.findIndex((line) => line.trimEnd() === begin(name));
  const to = lines.findIndex((line, index) => index > from && line.trimEnd() === end(name));
  if (from < 0 || to < 0) return text;
  return [...lines.slice(0, from), ...lines.slice(to + 1)].join("");
}
