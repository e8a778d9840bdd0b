/** The databases that a user's roles let it see. */
import { type Access, accessOf, mergeOptions } from "../access/mod.ts";
import type { CallOutput } from "../api/contract.ts";
import { databaseListOf, type ListedDatabase, type Terms } from "../api/database_list.ts";
import { healthOverAll, type ShownHealth } from "../api/health.ts";
import type { UserIdentity } from "../core/identity.ts";
import type { Callers } from "./callers.ts";
import type { Core } from "./powers.ts";
import { type ServedDatabase, servedDatabases } from "./presence.ts";

/** The call `databases.list`: one row for each name, however many agents serve it. */
export async function listDatabases(
  core: Core,
  callers: Callers,
  identity: UserIdentity,
): Promise<CallOutput<"databases.list">> {
  const roles = await callers.roles(identity.roles);
  const { requireEndToEnd } = mergeOptions(roles);
  const decided = new Decided(accessOf({ identity, roles }), requireEndToEnd);
  const served = (await servedDatabases(core)).filter((one) => decided.sees(one));
  const rows: ListedDatabase[] = [];
  // By name, so those of one database follow each other.
  for (let from = 0, to = 0; from < served.length; from = to) {
    const name = served[from]?.database.metadata.name;
    while (served[to]?.database.metadata.name === name) to++;
    rows.push(rowOf(served.slice(from, to), decided));
  }
  return databaseListOf(rows);
}

/** One row for what several agents serve: as the first of them that is connected has it. */
function rowOf(agents: readonly ServedDatabase[], decided: Decided): ListedDatabase {
  const connected = agents.filter(({ online }) => online);
  const [shown = agents[0]] = connected;
  if (shown === undefined) throw new RangeError("A database that nobody serves");
  const { metadata: { name }, spec: { description } } = shown.database;
  const { status, since, reason } = healthOverAll(connected.map(({ health }) => health));
  return { name, description, terms: decided.terms(shown, status), since, reason };
}

/** What the roles of one caller say at the time of one call: once for all that are alike. */
class Decided {
  readonly #access: Access;
  readonly #requireEndToEnd: boolean;
  readonly #seen = new Map<string, boolean>();
  /** By how well a database is, and by its kind. */
  readonly #terms = new Map<ShownHealth["status"], Map<string, Terms>>();

  constructor(access: Access, requireEndToEnd: boolean) {
    this.#access = access;
    this.#requireEndToEnd = requireEndToEnd;
  }

  sees({ database, kind }: ServedDatabase): boolean {
    let sees = this.#seen.get(kind);
    if (sees === undefined) this.#seen.set(kind, sees = this.#access.sees(database));
    return sees;
  }

  terms({ database, kind, online }: ServedDatabase, status: ShownHealth["status"]): Terms {
    let known = this.#terms.get(status);
    if (known === undefined) this.#terms.set(status, known = new Map());
    let terms = known.get(kind);
    if (terms === undefined) known.set(kind, terms = this.#termsOf(database, online, status));
    return terms;
  }

  #termsOf(
    database: ServedDatabase["database"],
    online: boolean,
    status: ShownHealth["status"],
  ): Terms {
    return {
      protocol: database.spec.protocol,
      labels: database.metadata.labels,
      db_users: [...this.#access.users(database)],
      db_names: [...this.#access.names(database)],
      online,
      require_end_to_end: this.#requireEndToEnd,
      status,
    };
  }
}
