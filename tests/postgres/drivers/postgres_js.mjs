// postgres.js: prepared by default, implicit pipelining, cursors, COPY both ways, cancel, transactions.
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { Readable, Writable } from "node:stream";
import postgres from "postgres";

const env = process.env;
const sql = postgres({
  host: env.PGHOST,
  port: Number(env.PGPORT),
  user: env.PGUSER,
  database: env.PGDATABASE,
  max: 1,
  onnotice: () => {},
  ssl: {
    ca: readFileSync(env.PGSSLROOTCERT, "utf8"),
    cert: readFileSync(env.PGSSLCERT, "utf8"),
    key: readFileSync(env.PGSSLKEY, "utf8"),
    // Whom the certificate must name; Node takes an address for it from here only.
    host: env.PGHOST,
  },
});
const say = (step, value) => console.log(JSON.stringify([step, value]));
const failure = (error) => [error.code, error.message];

say("simple", await sql`select 1 as one, 'zwei' as two`.simple());
await sql`drop table if exists js_t`;
await sql`create table js_t (id int primary key, name text, data jsonb, tags text[])`;
say(
  "insert",
  await sql`insert into js_t ${
    sql([{ id: 1, name: "Grüße", data: { a: [1, 2] }, tags: ["x", "y"] }])
  } returning *`,
);
say(
  "pipeline",
  await Promise.all(
    Array.from({ length: 50 }, (_, i) => sql`select ${i}::int as i, ${"v" + i} as v`),
  ),
);
say(
  "pipeline with errors",
  (await Promise.allSettled([
    sql`select 1 as a`,
    sql`select 1 / ${0}::int`,
    sql`select 2 as b`,
    sql`selec`,
    sql`select 3 as c`,
  ])).map((r) => r.status === "fulfilled" ? r.value : failure(r.reason)),
);
say("unsafe", await sql.unsafe("select $1::int + 1 as n", [41]));
for (let i = 0; i < 3; i++) say("prepared", await sql`select name from js_t where id = ${i}`);
const sizes = [];
for await (const rows of sql`select g from generate_series(1, 25) g`.cursor(10)) {
  sizes.push(rows.length);
}
say("cursor", sizes);
say(
  "transaction",
  await sql.begin(async (tx) => {
    await tx`insert into js_t (id) values (2)`;
    return await tx`select count(*)::int as n from js_t`;
  }),
);
say(
  "rolled back",
  await sql.begin(async (tx) => {
    await tx`insert into js_t (id) values (3)`;
    await tx`insert into js_t (id) values (3)`;
  }).then(() => "none", failure),
);
say("count", await sql`select count(*)::int as n from js_t`);
const lines = Array.from({ length: 5000 }, (_, i) => `${i + 10}\tname ${i}\t{"i": ${i}}\t\\N\n`);
await pipeline(Readable.from(lines), await sql`copy js_t from stdin`.writable());
const hash = createHash("sha256");
let bytes = 0;
await pipeline(
  await sql`copy (select * from js_t where id >= 10 order by id) to stdout`.readable(),
  new Writable({
    write(chunk, _e, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done();
    },
  }),
);
say("copy", [bytes, hash.digest("hex")]);
const large = await sql`select repeat('large ', 200000) || g as t from generate_series(1, 20) g`;
say("large rows", large.map((r) => r.t.length));
const sleeping = sql`select pg_sleep(30)`;
setTimeout(() => sleeping.cancel(), 300);
say("cancel", await sleeping.then(() => "none", failure));
say("still usable", await sql`select 42 as answer`);
await sql`drop table js_t`;
await sql.end();
