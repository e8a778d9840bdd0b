import { command, count, flag, formatOption, list } from "../../cli/mod.ts";
import { PagedList, say, text } from "../../cli/mod.ts";
import type { AdminPowers } from "../powers.ts";
import { openAuth, siteOptions } from "../site.ts";
import { auditFilters, drawEvents, parseEvent, queryOf } from "../events.ts";

const pageEvents = 1000;
const eventsByDefault = 100;

export const auditSearch = command({
  name: "audit search",
  summary: "search the audit log",
  example: "audit search --user=alice --events=db.session.query --from=2h",
  options: {
    ...auditFilters,
    events: list({ help: "types of events, as db.session.query" }),
    limit: count({ help: `how many at most (default ${eventsByDefault}; 0 for all)` }),
    newest: flag({ help: "newest first" }),
    cursor: text({ help: "go on where an earlier search stopped" }),
    ...siteOptions,
    format: formatOption,
  },
  run: async (options, powers: AdminPowers) => {
    const auth = await openAuth(options, powers);
    const limit = options.limit ?? eventsByDefault;
    const wanted = limit === 0 ? Infinity : limit;
    // All of a log is more than one text can hold.
    const found = new PagedList(powers.terminal, options.format, drawEvents);
    let { cursor } = options;
    while (found.count < wanted) {
      const answer = await auth.call("audit.search", {
        ...queryOf(options, powers.clock),
        order: options.newest ? "newest" : "oldest",
        limit: Math.min(pageEvents, wanted - found.count),
        ...(cursor === null ? {} : { cursor }),
      }, powers.signal);
      await found.page(answer.events.map(parseEvent));
      cursor = answer.cursor;
      // A page may be empty and still go on.
      if (cursor === null) break;
    }
    const isEmpty = options.format === "text" && found.count === 0;
    if (isEmpty) say(powers.terminal, "no events match");
    else await found.end();
    if (cursor !== null && options.format === "text") {
      say(powers.terminal, `there are more: --limit=0 shows all, --newest the last ones first`);
      say(powers.terminal, `go on from here with --cursor=${cursor}`);
    }
    return 0;
  },
});
