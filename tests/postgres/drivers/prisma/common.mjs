// Prisma without an engine of its own, over node-postgres: relations, nested writes, transactions, raw SQL.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { PrismaPg } from "@prisma/adapter-pg";
import { Prisma, PrismaClient } from "./generated/index.js";

const env = process.env;
const adapter = new PrismaPg({
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
const db = new PrismaClient({ adapter });
const plain = (_, value) =>
  typeof value === "bigint"
    ? String(value)
    : value?.type === "Buffer" || value instanceof Uint8Array
    ? Buffer.from(value.data ?? value).toString("hex")
    : value;
const say = (step, value) => console.log(JSON.stringify([step, value], plain));
const failure = (error) => [error.constructor.name, error.code, error.meta?.driverAdapterError?.cause];

await db.$executeRaw`drop table if exists prisma_book, prisma_author`;
await db.$executeRaw`
  create table prisma_author (id int primary key, name text not null unique, settings jsonb,
    active bool not null default true)`;
await db.$executeRaw`
  create table prisma_book (id uuid primary key, title text not null, price numeric(12, 4),
    pages bigint, cover bytea, tags text[] not null default '{}', at timestamptz,
    author_id int not null references prisma_author)`;
const book = (i) => ({
  id: `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`,
  title: `Buch ${i}`,
  price: new Prisma.Decimal(i).times("1.25"),
  pages: 9007199254740993n + BigInt(i),
  cover: Uint8Array.of(0, i, 255),
  tags: ["x", `y "${i}"`],
  at: new Date(Date.UTC(2026, 0, 2, 3, 4, i)),
});
say(
  "nested create",
  await db.author.create({
    data: {
      id: 1,
      name: "Grüße, 世界",
      settings: { a: [1, null] },
      books: { create: Array.from({ length: 5 }, (_, i) => book(i)) },
    },
    include: { books: { orderBy: { id: "asc" } } },
  }),
);
await db.author.create({ data: { id: 2, name: "zwei", active: false } });
say(
  "createMany",
  await db.book.createMany({
    data: Array.from({ length: 50 }, (_, i) => ({ ...book(100 + i), authorId: 1 + i % 2 })),
  }),
);
say(
  "filters",
  await db.book.findMany({
    where: {
      OR: [{ title: { contains: "10" } }, { price: { gt: 180 } }, { tags: { has: 'y "3"' } }],
      author: { active: true },
    },
    orderBy: [{ price: "desc" }, { id: "asc" }],
    take: 7,
    select: { title: true, price: true, author: { select: { name: true } } },
  }),
);
say("pages", await db.book.findMany({ cursor: { id: book(2).id }, skip: 1, take: 2 }));
say(
  "groups",
  await db.book.groupBy({
    by: ["authorId"],
    _count: true,
    _sum: { price: true, pages: true },
    orderBy: { authorId: "asc" },
  }),
);
say(
  "upsert",
  await db.author.upsert({ where: { id: 2 }, create: { id: 2, name: "-" }, update: { name: "neu" } }),
);
say(
  "transaction",
  await db.$transaction(async (tx) => {
    await tx.author.create({ data: { id: 3, name: "drei" } });
    return await tx.author.count();
  }, { isolationLevel: "Serializable" }),
);
say(
  "rolled back",
  await db.$transaction(async (tx) => {
    await tx.book.deleteMany();
    await tx.author.create({ data: { id: 4, name: "drei" } });
  }).catch(failure),
);
say("batch", await db.$transaction([db.book.count(), db.author.count()]));
for (const text of ["select 1 / 0", "selec 1", "select * from no_such_table"]) {
  say("error", await db.$queryRawUnsafe(text).then(() => "none", failure));
}
say("missing", await db.author.findUniqueOrThrow({ where: { id: 99 } }).catch(failure));
say(
  "side by side",
  await Promise.all(Array.from({ length: 30 }, (_, i) => db.$queryRaw`select ${i}::int as i`)),
);
const rows = await db.$queryRaw`
  select repeat('large ', 200000) || g as t from generate_series(1, 10) g`;
say("large rows", createHash("sha256").update(rows.map(({ t }) => t).join("")).digest("hex"));
await db.$executeRaw`drop table prisma_book, prisma_author`;
await db.$disconnect();
