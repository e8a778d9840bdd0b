import { command, formatOption, showList } from "../../cli/mod.ts";
import type { AdminPowers } from "../powers.ts";
import { listOf } from "../resources.ts";
import { openAuth, siteOptions } from "../site.ts";

export const dbLs = command({
  name: "db ls",
  summary: "list the databases, where they are, and which agents serve them",
  example: "db ls --format=json",
  options: { ...siteOptions, format: formatOption },
  run: async (options, powers: AdminPowers) => {
    const auth = await openAuth(options, powers);
    const agents = await listOf(auth, "agent", powers.signal);
    const databases = (await listOf(auth, "db", powers.signal)).map(({ metadata, spec }) => ({
      name: metadata.name,
      protocol: spec.protocol,
      uri: spec.uri,
      labels: metadata.labels,
      description: spec.description,
      agents: agents.filter((agent) =>
        agent.spec.databases.some((one) => one.metadata.name === metadata.name)
      ).map((agent) => agent.spec.hostname),
    }));
    await showList(powers.terminal, options.format, databases, [
      { title: "NAME", cell: ({ name }) => name },
      { title: "PROTOCOL", cell: ({ protocol }) => protocol },
      { title: "URI", cell: ({ uri }) => uri },
      { title: "AGENTS", cell: ({ agents }) => agents.join(", ") || "none" },
      { title: "LABELS", cell: ({ labels }) => drawLabels(labels) },
      { title: "DESCRIPTION", cell: ({ description }) => description },
    ], "there are no databases: name some in db_service.databases of an agent");
    return 0;
  },
});

function drawLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(" ");
}
