// Drizzle over node-postgres: typed queries, joins, transactions with savepoints, upserts, prepared statements.
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { and, asc, count, eq, gt, relations, sql, sum } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import {
  boolean,
  integer,
  jsonb,
  numeric,
  pgTable,
  text,
  timestamp,
  uuid,
} from "drizzle-orm/pg-core";
import pg from "pg";

const env = process.env;
const pool = new pg.Pool({
  host: env.PGHOST,
  port: Number(env.PGPORT),
  user: env.PGUSER,
  database: env.PGDATABASE,
  max: 3,
  ssl: {
    ca: readFileSync(env.PGSSLROOTCERT, "utf8"),
    cert: readFileSync(env.PGSSLCERT, "utf8"),
    key: readFileSync(env.PGSSLKEY, "utf8"),
    // Whom the certificate must name; Node takes an address for it from here only.
    host: env.PGHOST,
  },
});
const authors = pgTable("drizzle_author", {
  id: integer().primaryKey(),
  name: text().notNull().unique(),
  settings: jsonb(),
  active: boolean().default(true),
});
const books = pgTable("drizzle_book", {
  id: uuid().primaryKey(),
  title: text().notNull(),
  price: numeric({ precision: 12, scale: 4 }),
  tags: text().array(),
  at: timestamp({ withTimezone: true }),
  authorId: integer("author_id").references(() => authors.id),
});
const schema = {
  authors,
  books,
  authorRelations: relations(authors, ({ many }) => ({ books: many(books) })),
  bookRelations: relations(books, ({ one }) => ({
    author: one(authors, { fields: [books.authorId], references: [authors.id] }),
  })),
};
const db = drizzle(pool, { schema });
const say = (step, value) => console.log(JSON.stringify([step, value]));
const failure = (error) => [(error.cause ?? error).code, (error.cause ?? error).message];

await db.execute(sql`drop table if exists drizzle_book, drizzle_author`);
await db.execute(sql`
  create table drizzle_author (id int primary key, name text not null unique, settings jsonb,
    active bool default true)`);
await db.execute(sql`
  create table drizzle_book (id uuid primary key, title text not null, price numeric(12, 4),
    tags text[], at timestamptz, author_id int references drizzle_author)`);
say(
  "insert",
  await db.insert(authors).values([
    { id: 1, name: "Grüße, 世界", settings: { a: [1, null] } },
    { id: 2, name: "zwei", active: false },
  ]).returning(),
);
await db.insert(books).values(Array.from({ length: 20 }, (_, i) => ({
  id: `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`,
  title: `Buch ${i}`,
  price: (i * 1.25).toFixed(4),
  tags: ["x", `y "${i}"`],
  at: new Date(Date.UTC(2026, 0, 2, 3, 4, i)),
  authorId: 1 + i % 2,
})));
say(
  "join",
  await db.select({ name: authors.name, n: count(), total: sum(books.price) }).from(authors)
    .leftJoin(books, eq(books.authorId, authors.id)).groupBy(authors.name).orderBy(authors.name),
);
say(
  "relations",
  await db.query.authors.findMany({
    orderBy: asc(authors.id),
    with: { books: { limit: 3, orderBy: asc(books.id) } },
  }),
);
const byPrice = db.select().from(books)
  .where(and(gt(books.price, sql.placeholder("price")), eq(books.authorId, 1)))
  .orderBy(books.id).prepare("drizzle_by_price");
for (const price of ["5", "15", "1000"]) say("prepared", await byPrice.execute({ price }));
say(
  "transaction",
  await db.transaction(async (tx) => {
    await tx.insert(authors).values({ id: 3, name: "drei" });
    await tx.transaction(async (inner) => {
      await inner.insert(authors).values({ id: 4, name: "drei" });
    }).catch((error) => say("savepoint", failure(error)));
    return await tx.select({ n: count() }).from(authors);
  }, { isolationLevel: "serializable" }),
);
say(
  "rolled back",
  await db.transaction(async (tx) => {
    await tx.delete(books);
    tx.rollback();
  }).catch(() => "rolled back"),
);
say("count", await db.$count(books));
say(
  "upsert",
  await db.insert(authors).values({ id: 1, name: "anew" })
    .onConflictDoUpdate({ target: authors.id, set: { name: sql`excluded.name` } }).returning(),
);
say("update", await db.update(books).set({ tags: [] }).where(gt(books.price, "20")).returning());
for (const text of ["select 1 / 0", "selec 1", "select * from no_such_table"]) {
  say("error", await db.execute(sql.raw(text)).then(() => "none", failure));
}
say(
  "side by side",
  await Promise.all(
    Array.from(
      { length: 30 },
      (_, i) => db.execute(sql`select ${i}::int as i`).then(({ rows }) => rows),
    ),
  ),
);
const { rows } = await db.execute(
  sql`select repeat('large ', 200000) || g as t from generate_series(1, 10) g`,
);
say("large rows", createHash("sha256").update(rows.map(({ t }) => t).join("")).digest("hex"));
await db.execute(sql`drop table drizzle_book, drizzle_author`);
await pool.end();
