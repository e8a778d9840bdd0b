import { type ResourceKind, resources } from "../../api/resources.ts";
import { completionCommand, valueGiven } from "../../cli/mod.ts";
import { adminCommands } from "../mod.ts";
import { readRef } from "../names.ts";
import type { AdminPowers } from "../powers.ts";
import { openAuth } from "../site.ts";

export const completion = completionCommand<AdminPowers>({
  name: "remoteler",
  commands: () => adminCommands,
  names: async ({ name }, { words, last, option }, powers) => {
    if (option !== null) return [];
    const site = {
      config: valueGiven(words, "config") ?? valueGiven(words, "c"),
      "data-dir": valueGiven(words, "data-dir"),
    };
    const namesOf = async (kind: ResourceKind) => {
      const auth = await openAuth(site, powers);
      const found = await auth.call("resources.list", { kind }, powers.signal);
      return found.resources.map(({ metadata }) => metadata.name);
    };
    try {
      if (/^users (update|reset|rm)$/.test(name)) return await namesOf("user");
      if (name === "tokens rm") return await namesOf("token");
      if (!["get", "edit", "rm"].includes(name)) return [];
      if (!last.includes("/")) return Object.keys(resources);
      const { kind } = readRef(last);
      const start = last.slice(0, last.indexOf("/"));
      return (await namesOf(kind)).map((one) => `${start}/${one}`);
    } catch {
      // Nothing is offered where Auth can't be asked.
      return [];
    }
  },
});
