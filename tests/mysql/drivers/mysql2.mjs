// mysql2: text and prepared statements, types, errors, streams, LOCAL INFILE.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import mysql from "mysql2/promise";

const way = JSON.parse(process.env.MYSQL_WAY);
const ssl = way.ca === "" ? undefined : {
  ca: readFileSync(way.ca),
  cert: readFileSync(way.cert),
  key: readFileSync(way.key),
};
const show = (name, value) =>
  console.log(name, JSON.stringify(value, (_, v) => typeof v === "bigint" ? `${v}n` : v));
const md5 = (bytes) => createHash("md5").update(bytes).digest("hex");

const db = await mysql.createConnection({
  host: way.host,
  port: way.port,
  user: way.user,
  database: way.database,
  ssl,
  multipleStatements: true,
  supportBigNumbers: true,
  bigNumberStrings: true,
  dateStrings: true,
  infileStreamFactory: () => Readable.from([Buffer.from("1,one\n2,two\n3,three\n")]),
});
await db.query("set session sql_mode = ''");
await db.query("drop table if exists m2_types, m2_lines");
await db.query(`create table m2_types (
  id int primary key, t tinyint, bu bigint unsigned, d decimal(30,10), dd double, f float,
  v varchar(200), bl longblob, dt date, dtm datetime(6), tm time(3), y year,
  e enum('a','b'), st set('x','y','z'), bt bit(12), j json)`);
const columns = "id, t, bu, d, dd, f, v, bl, dt, dtm, tm, y, e, st, bt, j";
const insert = `insert into m2_types (${columns}) values (${"?, ".repeat(15)}?)`;
const blob = Buffer.alloc(Number(process.env.MYSQL_BLOB_MIB) * 1024 * 1024, 0x5a);
const rows = [
  [1, -128, "18446744073709551615", "-12345678901234567890.0123456789", 1e300, 1.5, "é ☃ '\"\\",
    Buffer.from([0, 255, 16]), "2024-02-29", "2024-02-29 23:59:59.999999", "-838:59:59", 2024, "b",
    "x,z", Buffer.from([10, 170]), '{"a":[1,null]}'],
  [2, ...Array(15).fill(null)],
  [3, 1, 0, "0", 0, 0, "", blob, "0000-00-00", "0000-00-00 00:00:00", "00:00:00", 0, "a", "",
    Buffer.from([0, 0]), "[]"],
];
for (const row of rows) show("insert", (await db.execute(insert, row))[0].affectedRows);
for (const how of ["query", "execute"]) {
  const [found] = await db[how](`select ${columns} from m2_types order by id`);
  for (const row of found) {
    if (row.bl?.length > 1000) row.bl = md5(row.bl);
    show(how, row);
  }
}
for (const text of ["select * from no_such_table", "selec 1", "insert into m2_types (id) values (1)"]) {
  for (const how of ["query", "execute"]) {
    await db[how](text).catch((e) => show("error", [e.errno, e.sqlState, e.sqlMessage]));
  }
}
await db.execute("select ? + ?", [40, 2]).then(([found]) => show("again", Object.values(found[0])));
await db.execute("select ? + ?", [1, "2"]).then(([found]) => show("again", Object.values(found[0])));
await db.beginTransaction();
await db.query("delete from m2_types");
await db.rollback();
show("kept", (await db.query("select count(*) as n from m2_types"))[0]);
const [several] = await db.query("select 1 as a; select 'b' as b, null as c; do 1");
show("several", several.map((one) => Array.isArray(one) ? one : one.affectedRows));
await db.query("drop procedure if exists m2_proc");
await db.query(`create procedure m2_proc(in n int)
begin select n as first; select n + 1 as second; end`);
show("call", (await db.query("call m2_proc(5)"))[0].slice(0, 2));
show("call prepared", (await db.execute("call m2_proc(?)", [6]))[0].slice(0, 2));
await db.query("create table m2_lines (id int, words varchar(50))");
const [loaded] = await db.query(
  "load data local infile 'stream' into table m2_lines fields terminated by ','",
).catch((e) => [{ affectedRows: e.message }]);
show("loaded", loaded.affectedRows);
show("lines", (await db.query("select * from m2_lines order by id"))[0]);
const stream = db.connection.query("select seq from (with recursive s as (select 1 as seq union " +
  "all select seq + 1 from s where seq < 900) select seq from s) as t").stream();
let sum = 0;
for await (const { seq } of stream) sum += Number(seq);
show("streamed", sum);
await db.ping();
await db.query("drop table m2_types, m2_lines");
await db.query("drop procedure m2_proc");
await db.end();
console.log("done");
