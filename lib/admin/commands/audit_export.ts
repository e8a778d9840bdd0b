import { choice, command, list, print, progress } from "../../cli/mod.ts";
import { auditFilters, parseEvent, queryOf } from "../events.ts";
import type { AdminPowers } from "../powers.ts";
import { openAuth, siteOptions } from "../site.ts";

const pageEvents = 1000;

export const auditExport = command({
  name: "audit export",
  summary: "print all events that match, oldest first: as stored, or as a table for spreadsheets",
  example: "audit export --from=2026-01-01 --to=2026-02-01 --format=csv > january.csv",
  options: {
    ...auditFilters,
    events: list({ help: "types of events, as db.session.query" }),
    format: choice(["ndjson", "csv"], { help: "how to print", otherwise: "ndjson" }),
    ...siteOptions,
  },
  run: async (options, powers: AdminPowers) => {
    const auth = await openAuth(options, powers);
    const { terminal, clock } = powers;
    const bar = progress(terminal, "exporting", () => clock.monotonic());
    const isCsv = options.format === "csv";
    if (isCsv) print(terminal, columns.join(","));
    let cursor: string | null = null;
    let done = 0;
    try {
      do {
        const page: { readonly events: readonly string[]; readonly cursor: string | null } =
          await auth.call("audit.search", {
            ...queryOf(options, clock),
            limit: pageEvents,
            ...(cursor === null ? {} : { cursor }),
          }, powers.signal);
        for (const line of page.events) print(terminal, isCsv ? csvLine(line) : line);
        done += page.events.length;
        bar.at(done, null);
        cursor = page.cursor;
      } while (cursor !== null);
    } finally {
      bar.end();
    }
    return 0;
  },
});

const columns = [
  ...["time", "code", "event", "user", "addr.remote", "sid", "db_service", "db_user", "db_name"],
  ...["success", "outcome", "db_query", "rows", "duration_ms", "error", "message", "log", "seq"],
  "uid",
];

function csvLine(line: string): string {
  const event = parseEvent(line);
  const fields = new Map<string, unknown>(event instanceof Object ? Object.entries(event) : []);
  return columns.map((name) => csvCell(fields.get(name))).join(",");
}

/**
 * A cell by RFC 4180. Text that a spreadsheet would take for a formula gets an apostrophe in front:
 * whoever writes a statement must not run something on the desk of whoever reads it.
 */
export function csvCell(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const safe = /^\s*[=+\-@|%\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
