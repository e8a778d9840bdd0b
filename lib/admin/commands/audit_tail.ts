import { choice, command, type Format, list, print, yamlOf } from "../../cli/mod.ts";
import type { AdminPowers } from "../powers.ts";
import { openAuth, siteOptions } from "../site.ts";
import { drawEvent, eventFilters, queryOf } from "../events.ts";

export const auditTail = command({
  name: "audit tail",
  summary: "follow the audit log as it grows, from now on",
  example: "audit tail --user=alice",
  options: {
    ...eventFilters,
    events: list({ help: "types of events, as db.session.query" }),
    format: choice(["text", "json", "yaml"], {
      help: "a line for people, a JSON object a line, or a YAML document each",
      otherwise: "text",
    }),
    ...siteOptions,
  },
  run: async (options, powers: AdminPowers) => {
    const auth = await openAuth(options, powers);
    const query = queryOf({ from: null, to: null, ...options }, powers.clock);
    try {
      for await (const event of auth.stream("audit.tail", query, powers.signal)) {
        print(powers.terminal, await drawn(event, options.format));
      }
    } catch (thrown) {
      if (!powers.signal.aborted) throw thrown;
    }
    return 0;
  },
});

async function drawn(event: unknown, format: Format): Promise<string> {
  if (format === "text") return drawEvent(event);
  return format === "json" ? JSON.stringify(event) : `---\n${await yamlOf(event)}`;
}
