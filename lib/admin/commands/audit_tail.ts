import { choice, command, list, print } from "../../cli/mod.ts";
import type { AdminPowers } from "../powers.ts";
import { openAuth, siteOptions } from "../site.ts";
import { auditFilters, drawEvent, queryOf } from "../events.ts";

export const auditTail = command({
  name: "audit tail",
  summary: "follow the audit log as it grows",
  example: "audit tail --user=alice",
  options: {
    ...auditFilters,
    events: list({ help: "types of events, as db.session.query" }),
    format: choice(["text", "json"], {
      help: "a line for people, or a JSON object",
      otherwise: "text",
    }),
    ...siteOptions,
  },
  run: async (options, powers: AdminPowers) => {
    const auth = await openAuth(options, powers);
    const query = queryOf(options, powers.clock);
    try {
      for await (const event of auth.stream("audit.tail", query, powers.signal)) {
        print(
          powers.terminal,
          options.format === "json" ? JSON.stringify(event) : drawEvent(event),
        );
      }
    } catch (thrown) {
      if (!powers.signal.aborted) throw thrown;
    }
    return 0;
  },
});
