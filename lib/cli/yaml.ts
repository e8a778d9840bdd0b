/** The one door to the YAML library, which is loaded where YAML is spoken. */
import { parseAllDocuments, stringify } from "yaml";
import { Fault } from "../core/fault.ts";

/** A value as a YAML document. */
export function write(value: unknown): string {
  // Rows that share a part are whole all the same, and not by reference.
  return stringify(value, { aliasDuplicateObjects: false });
}

/** The documents of a text as plain data, empty ones left out; a fault `cli.bad-yaml`. */
export function parse(text: string): readonly unknown[] {
  const documents = parseAllDocuments(text, { prettyErrors: false, schema: "core" });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) {
      const line = text.slice(0, error.pos[0]).split("\n").length;
      throw new Fault({
        kind: "invalid",
        code: "cli.bad-yaml",
        message: `line ${line} is no YAML: ${error.code.toLowerCase().replaceAll("_", " ")}`,
      });
    }
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return value === null || value === undefined ? [] : [value];
  });
}
