import type { Resource } from "../../api/resources.ts";
import { command, formatOption, render, required, show, showList } from "../../cli/mod.ts";
import { readRef } from "../names.ts";
import type { AdminPowers } from "../powers.ts";
import { openAuth, siteOptions } from "../site.ts";

export const get = command({
  name: "get",
  summary: "show a resource, or all of a kind",
  example: "get role/access --format=yaml",
  arguments: { resource: required("KIND or KIND/NAME") },
  options: { ...siteOptions, format: formatOption },
  run: async (options, powers: AdminPowers) => {
    const { kind, name } = readRef(options.resource);
    const auth = await openAuth(options, powers);
    if (name !== null) {
      const { resource } = await auth.call("resources.get", { kind, name }, powers.signal);
      show(powers.terminal, options.format, resource, (one) => render("yaml", one, () => ""));
      return 0;
    }
    const { resources } = await auth.call("resources.list", { kind }, powers.signal);
    showList(powers.terminal, options.format, resources, [
      { title: "KIND", cell: (one: Resource) => one.kind },
      { title: "NAME", cell: (one) => one.metadata.name },
      { title: "LABELS", cell: (one) => drawLabels(one.metadata.labels) },
      { title: "EXPIRES", cell: (one) => one.metadata.expires ?? "" },
    ], `there is no ${kind}`);
    return 0;
  },
});

function drawLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(" ");
}
