"""PyMySQL: text protocol, types, errors, several results, an unbuffered cursor, LOCAL INFILE."""
import hashlib, json, os, sys
import pymysql
from pymysql.constants import CLIENT

way = json.loads(os.environ["MYSQL_WAY"])
ssl = None if way["ca"] == "" else {"ca": way["ca"], "cert": way["cert"], "key": way["key"]}
options = dict(host=way["host"], port=way["port"], user=way["user"], database=way["database"],
               client_flag=CLIENT.MULTI_STATEMENTS, local_infile=True, charset="utf8mb4")
db = pymysql.connect(**options, **({} if ssl is None else
                     {"ssl_ca": ssl["ca"], "ssl_cert": ssl["cert"], "ssl_key": ssl["key"],
                      "ssl_verify_cert": True, "ssl_verify_identity": True}))
cur = db.cursor()


def show(name, value):
    print(name, repr(value))


cur.execute("set session sql_mode = ''")
cur.execute("drop table if exists py_types, py_lines")
cur.execute("""create table py_types (id int primary key, t tinyint, bu bigint unsigned,
  d decimal(30,10), dd double, v varchar(200), bl longblob, dt date, dtm datetime(6), tm time(3),
  y year, e enum('a','b'), st set('x','y','z'), bt bit(12), j json)""")
insert = "insert into py_types values (" + ", ".join(["%s"] * 15) + ")"
show("insert", cur.execute(insert, (1, -128, 18446744073709551615, "-1234567890.0123456789", 1e300,
     "é ☃ '\"\\", b"\x00\xff\x10", "2024-02-29", "2024-02-29 23:59:59.999999", "-838:59:59", 2024,
     "b", "x,z", 0xAAA, '{"a": [1, null]}')))
show("insert", cur.execute(insert, (2,) + (None,) * 14))
show("blob", cur.execute("insert into py_types (id, bl, dt) values (3, %s, '0000-00-00')",
                         (b"Z" * (int(os.environ["MYSQL_BLOB_MIB"]) << 20),)))
cur.execute("select * from py_types order by id")
show("columns", [column[:2] for column in cur.description])
for row in cur.fetchall():
    show("row", [hashlib.md5(v).hexdigest() if isinstance(v, bytes) and len(v) > 1000 else v
                 for v in row])
for text in ["select * from no_such_table", "selec 1", "insert into py_types (id) values (1)"]:
    try:
        cur.execute(text)
    except pymysql.MySQLError as error:
        show("error", error.args)
db.commit()
db.begin()
cur.execute("delete from py_types")
db.rollback()
cur.execute("select count(*) from py_types")
show("kept", cur.fetchall())
cur.execute("select 1; select 'b', null; do 1")
while True:
    show("several", (cur.rowcount, cur.fetchall()))
    if not cur.nextset():
        break
cur.execute("drop procedure if exists py_proc")
cur.execute("create procedure py_proc(in n int, inout m int) begin select n; set m = n + m; end")
cur.callproc("py_proc", (5, 6))
show("call", cur.fetchall())
while cur.nextset():
    pass
cur.execute("select @_py_proc_0, @_py_proc_1")
show("out", cur.fetchall())
lines = os.path.join(os.environ["MYSQL_FOLDER"], "lines.txt")
cur.execute("create table py_lines (id int, words varchar(50))")
show("loaded", cur.execute(
    f"load data local infile '{lines}' into table py_lines fields terminated by ','"))
cur.execute("select * from py_lines order by id")
show("lines", cur.fetchall())
with pymysql.cursors.SSCursor(db) as unbuffered:
    unbuffered.execute("select id from py_types order by id")
    show("unbuffered", [row for row in unbuffered])
db.ping()
db.select_db("information_schema")
cur.execute("select database()")
show("schema", cur.fetchall())
db.select_db(way["database"])
cur.execute("drop table py_types, py_lines")
cur.execute("drop procedure py_proc")
db.close()
print("done")
