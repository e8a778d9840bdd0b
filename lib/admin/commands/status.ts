import type { CallOutput } from "../../api/contract.ts";
import { command, formatOption, show, table } from "../../cli/mod.ts";
import type { AdminPowers } from "../powers.ts";
import { openAuth, siteOptions } from "../site.ts";

type Status = CallOutput<"cluster.status">;

export const status = command({
  name: "status",
  summary: "show the cluster: its CA pin, authorities, and what is connected",
  example: "status",
  options: { ...siteOptions, format: formatOption },
  run: async (options, powers: AdminPowers) => {
    const auth = await openAuth(options, powers);
    const found = await auth.call("cluster.status", {}, powers.signal);
    await show(powers.terminal, options.format, found, draw);
    return 0;
  },
});

function draw(status: Status): string {
  const facts = table(
    [
      { title: "CLUSTER", cell: ([name]) => name },
      { title: "", cell: ([, value]) => value },
    ],
    [
      ["name", status.cluster],
      ["version", status.version],
      ["ca pin", status.ca_pin],
      ["proxies", String(status.proxies)],
      ["agents", String(status.agents)],
      ["databases", String(status.databases)],
      ["users", String(status.users)],
      ["audit events", String(status.audit_events)],
    ] satisfies [string, string][],
  );
  const authorities = table([
    { title: "AUTHORITY", cell: (one) => one.type },
    { title: "EXPIRES", cell: (one) => one.expires },
    { title: "SHA-256", cell: (one) => one.fingerprint },
  ], status.authorities);
  return `${facts}\n${authorities}`;
}
