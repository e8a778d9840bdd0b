import type { AuthClient, CallInput, CallOutput } from "../../api/contract.ts";
import { command, formatOption, progress, required, show, text } from "../../cli/mod.ts";
import { Fault } from "../../core/fault.ts";
import type { AdminPowers } from "../powers.ts";
import { listOf } from "../resources.ts";
import { openAuth, siteOptions } from "../site.ts";
import { drawReport, reportOf } from "../trial_report.ts";

export const dbTest = command({
  name: "db test",
  summary: "try every step to a database at its agents; exit code 1 where one fails",
  example: "db test orders --db-user=alice --db-name=orders",
  arguments: { name: required("a database of `remoteler db ls`") },
  options: {
    "db-user": text({ help: "also log in as this database user and run a statement" }),
    "db-name": text({ help: "the database to log in to (default: named as the user)" }),
    agent: text({ help: "only at this agent, by its name or host id" }),
    ...siteOptions,
    format: formatOption,
  },
  run: async (options, powers: AdminPowers) => {
    const { name: database, agent, "db-user": db_user, "db-name": db_name } = options;
    if (db_name !== null && db_user === null) throw noUser();
    const auth = await openAuth(options, powers);
    const { agents, results } = await ask(auth, powers, {
      database,
      ...(db_user === null ? {} : { db_user }),
      ...(db_name === null ? {} : { db_name }),
      ...(agent === null ? {} : { agent }),
    });
    const known = agents.length > 0 ? [] : await listOf(auth, "db", powers.signal);
    const names = known.map(({ metadata: { name } }) => name);
    const report = reportOf({ database, agent, agents, results, known: names });
    await show(powers.terminal, options.format, report, drawReport);
    return report.ok ? 0 : 1;
  },
});

type Item = CallOutput<"databases.test">;

interface Answers {
  readonly agents: Extract<Item, { readonly type: "agents" }>["agents"];
  readonly results: ReadonlyMap<string, Extract<Item, { readonly type: "result" }>["steps"]>;
}

/** All that Auth answers, to its end. */
async function ask(
  auth: AuthClient,
  powers: AdminPowers,
  input: CallInput<"databases.test">,
): Promise<Answers> {
  const { terminal, clock, signal } = powers;
  const bar = progress(terminal, `testing ${input.database}`, () => clock.monotonic());
  let agents: Answers["agents"] = [];
  const results = new Map<string, Extract<Item, { readonly type: "result" }>["steps"]>();
  try {
    for await (const item of auth.stream("databases.test", input, signal)) {
      if (item.type === "end") break;
      if (item.type === "agents") agents = item.agents;
      else results.set(item.host, item.steps);
      bar.at(results.size, agents.filter(({ asked }) => asked).length);
    }
  } finally {
    bar.end();
  }
  return { agents, results };
}

function noUser(): Fault {
  return new Fault({
    kind: "invalid",
    code: "admin.no-db-user",
    message: "--db-name says where to log in, and nobody to log in as was named",
    hint: "give --db-user too",
  });
}
