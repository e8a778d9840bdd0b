// node-postgres: simple, prepared, binary, cursor (portals), COPY both ways, cancel, errors.
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { Readable, Writable } from "node:stream";
import pg from "pg";
import Cursor from "pg-cursor";
import copy from "pg-copy-streams";

const env = process.env;
const settings = {
  host: env.PGHOST,
  port: Number(env.PGPORT),
  user: env.PGUSER,
  database: env.PGDATABASE,
  ssl: {
    ca: readFileSync(env.PGSSLROOTCERT, "utf8"),
    cert: readFileSync(env.PGSSLCERT, "utf8"),
    key: readFileSync(env.PGSSLKEY, "utf8"),
    // Whom the certificate must name; Node takes an address for it from here only.
    host: env.PGHOST,
  },
};
const say = (step, value) => console.log(JSON.stringify([step, value]));
const sha = (data) => createHash("sha256").update(data).digest("hex");
const failure = (error) => [error.code, error.message];
const client = new pg.Client(settings);
await client.connect();

say(
  "simple",
  (await client.query("select 1 as one, 'zwei' as two; select 3 as three")).map((r) => r.rows),
);
await client.query("drop table if exists node_t");
await client.query(
  "create table node_t (id int primary key, name text, raw bytea, at timestamptz)",
);
say(
  "insert",
  (await client.query("insert into node_t values ($1, $2, $3, $4) returning id", [
    1,
    "Grüße, 世界",
    Buffer.from([0, 1, 255]),
    "2026-01-02T03:04:05Z",
  ])).rows,
);
const named = {
  name: "by-id",
  text: "select id, name, encode(raw, 'hex') as raw from node_t where id = $1",
};
for (const id of [1, 2, 1]) say("prepared", (await client.query({ ...named, values: [id] })).rows);
say("null", (await client.query("select $1::text as t, $2::int as i", [null, null])).rows);
say(
  "binary",
  (await client.query({ text: "select 7::int4 as i, 'x'::text as t", binary: true })).rows,
);
say("empty", (await client.query("")).rows.length);

for (const text of ["select 1/0", "selec 1", "select * from no_such_table"]) {
  say("error", await client.query(text).then(() => "none", failure));
  say("prepared error", await client.query(text + " -- $1", []).then(() => "none", failure));
}
say("bad bind", await client.query("select $1::int", ["many"]).then(() => "none", failure));
say(
  "duplicate",
  await client.query("insert into node_t values ($1)", [1]).then(() => "none", failure),
);

await client.query("begin");
await client.query("insert into node_t values (2, 'rolled back')");
say("in transaction", (await client.query("select count(*)::int from node_t")).rows);
say("fails", await client.query("select nonsense").then(() => "none", failure));
say("aborted", await client.query("select 1").then(() => "none", failure));
await client.query("rollback");
say("after rollback", (await client.query("select count(*)::int from node_t")).rows);

const cursor = client.query(new Cursor("select g from generate_series(1, $1::int) g", [25]));
for (let i = 0; i < 4; i++) say("cursor", (await cursor.read(10)).length);
await cursor.close();

const lines = Array.from({ length: 5000 }, (_, i) => `${i + 10}\tname ${i}\t\\\\x00ff\t\\N\n`);
await pipeline(Readable.from(lines), client.query(copy.from("copy node_t from stdin")));
const hash = createHash("sha256");
let bytes = 0;
await pipeline(
  client.query(copy.to("copy (select * from node_t where id >= 10 order by id) to stdout")),
  new Writable({
    write(chunk, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done();
    },
  }),
);
say("copy", [bytes, hash.digest("hex")]);
say(
  "bad copy",
  await pipeline(Readable.from(["no number\n"]), client.query(copy.from("copy node_t from stdin")))
    .then(() => "none", failure),
);

const large = await client.query(
  "select repeat('large ', 200000) || g as t from generate_series(1, 20) g",
);
say("large rows", large.rows.map((row) => [row.t.length, sha(row.t)]).slice(-2));
say(
  "large parameter",
  (await client.query("select length($1::text) as n, md5($1::text) as h", ["p".repeat(3_000_000)]))
    .rows,
);

const sleeping = new pg.Query("select pg_sleep(30)");
const slept = new Promise((resolve) =>
  sleeping.on("error", (e) => resolve(failure(e))).on("end", () => resolve("none"))
);
client.query(sleeping);
// Straight on the connection: Client.cancel only takes a query off its own queue where it waits there.
const cancelling = setInterval(() => {
  const { connection } = new pg.Client(settings);
  connection.on("error", () => {});
  connection.on("connect", () => connection.cancel(client.processID, client.secretKey));
  connection.connect(settings.port, settings.host);
}, 700);
const outcome = await slept;
clearInterval(cancelling);
await new Promise((resolve) => setTimeout(resolve, 200));
say("cancel", outcome);
say("still usable", (await client.query("select 42 as answer")).rows);
await client.query("drop table node_t");
await client.end();
