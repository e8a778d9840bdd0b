/**
 * How the list of a user's databases travels. A large cluster has ten thousand of them, and nearly
 * all of what a row says is said of many: that is written once, and the rest in columns.
 */
import { type Output, v } from "../schema/mod.ts";
import { count } from "./fields.ts";
import { type ShownHealth, shownHealth } from "./health.ts";
import { labels, resourceName } from "./resources.ts";

/** What a database has in common with others. */
const terms = v.strictObject({
  protocol: v.string(),
  labels,
  /** Database users and names the caller's roles allow; "*" is any. */
  db_users: v.array(v.string()),
  db_names: v.array(v.string()),
  /** Whether an agent that serves it is connected now. */
  online: v.boolean(),
  /** The caller's roles want TLS that ends at the Database Service. */
  require_end_to_end: v.boolean(),
  status: shownHealth.entries.status,
});
export type Terms = Output<typeof terms>;

const { since, reason } = shownHealth.entries;

/** The answer of `databases.list`; the n-th of each column is of the n-th database. */
export const databaseList = v.pipe(
  v.strictObject({
    terms: v.array(terms),
    /** Places in `terms`. */
    terms_of: v.array(count),
    names: v.array(resourceName),
    descriptions: v.array(v.string()),
    since: v.array(since),
    reasons: v.array(reason),
  }),
  v.check(
    ({ names: { length }, terms_of, descriptions, since, reasons }) =>
      [terms_of, descriptions, since, reasons].every((column) => column.length === length),
    "columns of one length",
  ),
  v.check(
    ({ terms, terms_of }) => terms_of.every((at) => at < terms.length),
    "terms that are there",
  ),
);
export type DatabaseList = Output<typeof databaseList>;

/** A database as it is put on a list; `terms` may be the very same object in many. */
export interface ListedDatabase {
  readonly name: string;
  readonly description: string;
  readonly terms: Terms;
  readonly since: ShownHealth["since"];
  readonly reason: string;
}

/** A database as a user sees it in `tsh db ls`. */
export interface VisibleDatabase
  extends Pick<ListedDatabase, "name" | "description">, Readonly<Omit<Terms, "status">> {
  readonly health: ShownHealth;
}

/** The list of these, in their order. */
export function databaseListOf(databases: readonly ListedDatabase[]): DatabaseList {
  const places = new Map<Terms, number>();
  const terms_of = databases.map(({ terms }) => {
    const known = places.get(terms);
    if (known === undefined) places.set(terms, places.size);
    return known ?? places.size - 1;
  });
  return {
    terms: [...places.keys()],
    terms_of,
    names: databases.map(({ name }) => name),
    descriptions: databases.map(({ description }) => description),
    since: databases.map(({ since }) => since),
    reasons: databases.map(({ reason }) => reason),
  };
}

/** The databases of a list; what they have in common is the same object in each. */
export function databasesIn(list: DatabaseList): readonly VisibleDatabase[] {
  const { terms, terms_of, descriptions, since, reasons } = list;
  return list.names.map((name, at) => {
    const shared = terms[terms_of[at] ?? -1];
    if (shared === undefined) throw new RangeError("A list that no schema has read");
    const { protocol, labels, db_users, db_names, online, require_end_to_end, status } = shared;
    return {
      name,
      protocol,
      description: descriptions[at] ?? "",
      labels,
      db_users,
      db_names,
      online,
      require_end_to_end,
      health: { status, since: since[at] ?? null, reason: reasons[at] ?? "" },
    };
  });
}
