/** The catalogue as others read it: JSON Schema for programs, tables for people. */
import { jsonSchema, v } from "../schema/mod.ts";
import { catalog, type EventDefinition, eventEntries, isEventName } from "./catalog.ts";
import { chainFields, stampedByAuth, stampFields } from "./catalog_fields.ts";

/** JSON Schema (draft 2020-12) of a line of the audit log. */
export function auditJsonSchema(): Record<string, unknown> {
  const definitions = Object.keys(catalog).sort().filter(isEventName).map((name) => {
    const line = v.strictObject({ ...eventEntries(name), ...chainFields });
    const { $schema: _, ...schema } = jsonSchema(line);
    return [name, { description: catalog[name].about, ...schema }] as const;
  });
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "A line of the Remoteler audit log",
    oneOf: definitions.map(([name]) => ({ $ref: `#/$defs/${name}` })),
    $defs: Object.fromEntries(definitions),
  };
}

/** Tables of all events and their fields, in Markdown. */
export function auditEventsMarkdown(): string {
  const names = Object.keys(catalog).filter(isEventName);
  const shared = { ...stampFields, ...stampedByAuth, ...chainFields };
  const parts = [
    "# Audit events",
    "",
    "Generated from the catalogue (`lib/audit/catalog.ts`) by `deno task generate`. For programs",
    "there is [audit.schema.json](audit.schema.json); what the log promises is in",
    "[audit-log.md](audit-log.md).",
    "",
    "| event | codes | reported by | meaning |",
    "| --- | --- | --- | --- |",
    ...names.map(summaryRow),
    "",
    "## In every event",
    "",
    "`event` is the name and `code` the code of the table above, in every event, beside these:",
    "",
    ...fieldTable(shared),
  ];
  for (const name of names) {
    parts.push("", `## ${name}`, "", catalog[name].about, "", ...fieldTable(catalog[name].fields));
  }
  return `${parts.join("\n")}\n`;
}

function summaryRow(name: keyof typeof catalog): string {
  const { codes, from, about }: EventDefinition = catalog[name];
  const failed = codes.failed === undefined ? "" : `, ${codes.failed} where it failed`;
  return `| \`${name}\` | ${codes.ok}${failed} | ${from.join(", ")} | ${cell(about)} |`;
}

function fieldTable(fields: v.ObjectEntries): readonly string[] {
  return [
    "| field | type | meaning |",
    "| --- | --- | --- |",
    ...Object.entries(fields).map(([name, schema]) => fieldRow(name, schema)),
  ];
}

function fieldRow(name: string, schema: v.GenericSchema): string {
  const required = v.is(schema, undefined) ? "" : ", always";
  const { description, ...type } = find(jsonSchema(schema));
  return `| \`${name}\` | ${typeName(type)}${required} | ${cell(description ?? "")} |`;
}

interface Described {
  readonly description?: string;
  readonly type?: unknown;
  readonly enum?: unknown;
  readonly const?: unknown;
  readonly anyOf?: unknown;
  readonly items?: unknown;
  readonly properties?: unknown;
}

/** The description may sit on the schema or on what it wraps. */
function find(schema: Described): Described {
  if (schema.description !== undefined || !Array.isArray(schema.anyOf)) return schema;
  const inner: unknown = schema.anyOf.find((each) => each?.description !== undefined);
  const { description } = { description: undefined, ...Object(inner) };
  return typeof description === "string" ? { ...schema, description } : schema;
}

function typeName(schema: Described): string {
  if (Array.isArray(schema.anyOf)) return schema.anyOf.map((each) => typeName(each)).join(" or ");
  if (Array.isArray(schema.enum)) return schema.enum.map((each) => code(each)).join(", ");
  if (schema.const !== undefined) return code(schema.const);
  if (schema.type === "array") return `list of ${typeName(Object(schema.items))}`;
  if (schema.type === "object" && schema.properties !== undefined) {
    return `{${Object.keys(Object(schema.properties)).join(", ")}}`;
  }
  return typeof schema.type === "string" ? schema.type : "any";
}

function code(value: unknown): string {
  return value === "" ? "empty" : `\`${String(value)}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
