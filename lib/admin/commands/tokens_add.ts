import { command, count, duration, formatOption, list, show } from "../../cli/mod.ts";
import { Fault } from "../../core/fault.ts";
import type { CallOutput } from "../../api/contract.ts";
import type { AdminPowers } from "../powers.ts";
import { openAuth, siteOptions } from "../site.ts";

export const tokensAdd = command({
  name: "tokens add",
  summary: "make a token with which a proxy or a Database Service joins; it is shown once",
  example: "tokens add --type=db --services='orders-*' --ttl=30m",
  options: {
    type: list({ help: "what may join with it: db, proxy, or both", value: "db,proxy" }),
    services: list({ help: "databases an agent may serve: names with *, or label:key=value" }),
    ttl: duration({ help: "how long it can be used (default 30m)" }),
    uses: count({ help: "how many may join with it (default 1; 0 for any number)" }),
    ...siteOptions,
    format: formatOption,
  },
  run: async (options, powers: AdminPowers) => {
    const roles = options.type.map(systemRole);
    if (roles.length === 0) throw badType("--type is missing");
    const auth = await openAuth(options, powers);
    const made = await auth.call("tokens.create", {
      system_roles: roles,
      services: [...options.services],
      ...(options.ttl === null ? {} : { ttl_s: Math.ceil(options.ttl / 1000) }),
      ...(options.uses === null ? {} : { uses: options.uses === 0 ? null : options.uses }),
    }, powers.signal);
    await show(powers.terminal, options.format, made, draw);
    return 0;
  },
});

function systemRole(word: string): "db" | "proxy" {
  if (word === "db" || word === "proxy") return word;
  throw badType("--type should be db, proxy or both");
}

function badType(message: string): Fault {
  const hint = "for example --type=db --services='*'";
  return new Fault({ kind: "invalid", code: "admin.bad-type", message, hint });
}

function draw(made: CallOutput<"tokens.create">): string {
  return [
    `token    ${made.token}`,
    `ca pin   ${made.ca_pin}`,
    `name     ${made.name}`,
    `expires  ${made.expires}`,
    "",
  ].join("\n");
}
