import { command, duration, formatOption, show, text } from "../../cli/mod.ts";
import { rfc3339 } from "../../core/clock.ts";
import { Fault } from "../../core/fault.ts";
import type { AdminPowers } from "../powers.ts";
import { openAuth, siteOptions } from "../site.ts";

export const lock = command({
  name: "lock",
  summary: "refuse a user, role, login, service or host at once, and end their sessions",
  example: "lock --user=alice --ttl=1h --message='laptop stolen'",
  options: {
    user: text({ help: "everything of this user", value: "NAME" }),
    role: text({ help: "everybody with this role", value: "NAME" }),
    login: text({ help: "one login, by its id in the audit log", value: "ID" }),
    service: text({ help: "this database, for everybody", value: "NAME" }),
    host: text({ help: "a host that joined, by its id", value: "ID" }),
    ttl: duration({ help: "how long; until removed where left out" }),
    message: text({ help: "what those who are refused are told" }),
    ...siteOptions,
    format: formatOption,
  },
  run: async (options, powers: AdminPowers) => {
    const target: Record<string, string> = {};
    for (const name of targets) {
      const value = options[name];
      if (value !== null) target[name] = value;
    }
    if (Object.keys(target).length === 0) {
      throw new Fault({
        kind: "invalid",
        code: "admin.no-target",
        message: "nothing to lock was named",
        hint: `name one of ${targets.map((name) => `--${name}`).join(", ")}`,
      });
    }
    const auth = await openAuth(options, powers);
    const now = powers.clock.now();
    const { resource } = await auth.call("resources.put", {
      resource: {
        kind: "lock",
        version: "v1",
        metadata: {
          name: `lock-${powers.random.uuid().slice(0, 13)}`,
          ...(options.ttl === null ? {} : { expires: rfc3339(now + options.ttl) }),
        },
        spec: { target, message: options.message ?? "" },
      },
    }, powers.signal);
    const { name, expires } = resource.metadata;
    await show(
      powers.terminal,
      options.format,
      resource,
      () =>
        `lock ${name} holds ${
          expires === undefined ? "until it is removed" : `until ${expires}`
        }\n` +
        `end it with: remoteler rm lock/${name}`,
    );
    return 0;
  },
});

const targets = ["user", "role", "login", "service", "host"] as const;
