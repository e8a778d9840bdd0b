import { healthOverAll } from "../../api/health.ts";
import type { Agent } from "../../api/resources.ts";
import { command, formatOption, oneLine, say, showList } from "../../cli/mod.ts";
import type { AdminPowers } from "../powers.ts";
import { listOf } from "../resources.ts";
import { openAuth, siteOptions } from "../site.ts";

export const dbLs = command({
  name: "db ls",
  summary: "list the databases, where they are, which agents serve them and how they find them",
  example: "db ls --format=json",
  options: { ...siteOptions, format: formatOption },
  run: async (options, powers: AdminPowers) => {
    const auth = await openAuth(options, powers);
    const agents = await listOf(auth, "agent", powers.signal);
    const databases = (await listOf(auth, "db", powers.signal)).map(({ metadata, spec }) => {
      const serving = agents.filter((agent) =>
        agent.spec.databases.some((one) => one.metadata.name === metadata.name)
      );
      const found = serving.map((agent) => foundBy(agent, metadata.name));
      return {
        name: metadata.name,
        protocol: spec.protocol,
        uri: spec.uri,
        labels: metadata.labels,
        description: spec.description,
        agents: serving.map((agent) => agent.spec.hostname),
        health: healthOverAll(found),
        found,
      };
    });
    await showList(powers.terminal, options.format, databases, [
      { title: "NAME", cell: ({ name }) => name },
      { title: "PROTOCOL", cell: ({ protocol }) => protocol },
      { title: "URI", cell: ({ uri }) => uri },
      { title: "AGENTS", cell: ({ agents }) => agents.join(", ") || "none" },
      { title: "STATUS", cell: ({ health }) => health.status },
      { title: "LABELS", cell: ({ labels }) => drawLabels(labels) },
      { title: "DESCRIPTION", cell: ({ description }) => description },
    ], "there are no databases: name some in db_service.databases of an agent");
    for (const { name, found } of options.format === "text" ? databases : []) {
      for (const { agent, status, since, reason } of found) {
        if (status !== "unhealthy") continue;
        say(powers.terminal, `${agent} finds ${name} unhealthy since ${since}: ${oneLine(reason)}`);
      }
    }
    return 0;
  },
});

/** What one agent says of a database; `unknown` where it says nothing. */
function foundBy({ spec: { host, hostname, health } }: Agent, name: string) {
  const said = health.find((one) => one.name === name);
  const { status = "unknown", since = null, reason = "" } = said ?? {};
  return { agent: hostname, host, status, since, reason };
}

function drawLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(" ");
}
