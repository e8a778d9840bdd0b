import assert from "node:assert/strict";
import { SeededRandom } from "../../tests/fakes/random.ts";
import { redact, redactParameters, redactStatement } from "./redact.ts";
import { dialectOf } from "./redact_dialect.ts";
import { LiteralRedactor, redactLiteral } from "./redact_literal.ts";
import { Redactor } from "./redactor.ts";
import { lookahead } from "./secret_words.ts";

const cases: readonly (readonly [string, string])[] = [
  ["ALTER ROLE bob PASSWORD 's3cret'", "ALTER ROLE bob PASSWORD '***'"],
  [
    "create user a with encrypted password 'x''y' login",
    "create user a with encrypted password '***' login",
  ],
  [
    String.raw`ALTER USER a PASSWORD E'a\'b' VALID UNTIL 'tomorrow'`,
    "ALTER USER a PASSWORD E'***' VALID UNTIL 'tomorrow'",
  ],
  ["ALTER USER a PASSWORD $$sec$ret$$", "ALTER USER a PASSWORD $$***$$"],
  ["ALTER USER a PASSWORD /* c */ -- d\n 'x'", "ALTER USER a PASSWORD /* c */ -- d\n '***'"],
  ["ALTER USER a PASSWORD U&'x'", "ALTER USER a PASSWORD U&'***'"],
  ["ALTER USER a PASSWORD 'unfinished", "ALTER USER a PASSWORD '***"],
  ["ALTER USER a PASSWORD 'one'\n'two' LOGIN", "ALTER USER a PASSWORD '***'\n'***' LOGIN"],
  [
    "/* a /* b */ it's */ ALTER USER a PASSWORD 'x'",
    "/* a /* b */ it's */ ALTER USER a PASSWORD '***'",
  ],
  ["CREATE USER 'a'@'%' IDENTIFIED BY 'x'", "CREATE USER 'a'@'%' IDENTIFIED BY '***'"],
  [
    'ALTER USER a IDENTIFIED WITH caching_sha2_password BY "x"',
    'ALTER USER a IDENTIFIED WITH caching_sha2_password BY "***"',
  ],
  ["SET PASSWORD FOR a = 'x'", "SET PASSWORD FOR a = 'x'".replace("'x'", "'***'")],
  ["SET PASSWORD FOR 'a'@'%' = 'x'", "SET PASSWORD FOR 'a'@'%' = '***'"],
  ["ALTER ROLE a SET app.jwt_secret TO 'x'", "ALTER ROLE a SET app.jwt_secret TO '***'"],
  ["SET LOCAL app.api_key = 'x'", "SET LOCAL app.api_key = '***'"],
  ["UPDATE u SET password = 'x' WHERE n = 'y'", "UPDATE u SET password = '***' WHERE n = 'y'"],
  [
    "select set_config('app.password', 'x', true), 'y'",
    "select set_config('app.password', '***', true), 'y'",
  ],
  ["select crypt('x', gen_salt('bf'))", "select crypt('***', gen_salt('bf'))"],
  [
    "call make_user(name => 'a', password => 'x')",
    "call make_user(name => 'a', password => '***')",
  ],
  [
    "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'u', password 'x')",
    "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'u', password '***')",
  ],
  [
    `ALTER USER MAPPING FOR a SERVER s OPTIONS (ADD "password" 'x', SET sslpassword 'y')`,
    `ALTER USER MAPPING FOR a SERVER s OPTIONS (ADD "password" '***', SET sslpassword '***')`,
  ],
  [
    "ALTER SERVER s OPTIONS (SET host 'h', ADD api_key 'x')",
    "ALTER SERVER s OPTIONS (SET host 'h', ADD api_key '***')",
  ],
  [
    "COPY t FROM 's3://b/k' ACCESS_KEY_ID 'id' SECRET_ACCESS_KEY 'x' SESSION_TOKEN 'y'",
    "COPY t FROM 's3://b/k' ACCESS_KEY_ID 'id' SECRET_ACCESS_KEY '***' SESSION_TOKEN '***'",
  ],
  ["COPY t FROM 'b' MASTER_SYMMETRIC_KEY 'x'", "COPY t FROM 'b' MASTER_SYMMETRIC_KEY '***'"],
  ["COPY t FROM PROGRAM 'curl -ume:x h'", "COPY t FROM PROGRAM 'curl -ume:*** h'"],
  [
    "DO $body$ BEGIN ALTER ROLE a PASSWORD 'x'; END $body$",
    "DO $body$ BEGIN ALTER ROLE a PASSWORD '***'; END $body$",
  ],
  [
    "DO $a$ it's $a$; ALTER ROLE a PASSWORD 'x'",
    "DO $a$ it's $a$; ALTER ROLE a PASSWORD '***'",
  ],
  [
    "SELECT dblink_connect('host=h password=x user=u')",
    "SELECT dblink_connect('host=h password=*** user=u')",
  ],
  [
    "SELECT dblink($$host=h password='x y' user=u$$, 'select 1')",
    "SELECT dblink($$host=h password='***' user=u$$, 'select 1')",
  ],
  [
    "CREATE SUBSCRIPTION s CONNECTION 'host=h password=''x y'' user=u' PUBLICATION p",
    "CREATE SUBSCRIPTION s CONNECTION 'host=h password=''***'' user=u' PUBLICATION p",
  ],
  [
    String.raw`ALTER SUBSCRIPTION s CONNECTION E'password=\'x\' user=u'`,
    String.raw`ALTER SUBSCRIPTION s CONNECTION E'password=\'***\' user=u'`,
  ],
  [
    "ALTER SYSTEM SET primary_conninfo = 'postgres://u:x@h:5432/d?sslmode=require'",
    "ALTER SYSTEM SET primary_conninfo = 'postgres://u:***@h:5432/d?sslmode=require'",
  ],
  [
    "COPY t FROM PROGRAM 'PGPASSWORD=x psql; curl -u me:y --password z https://h/'",
    "COPY t FROM PROGRAM 'PGPASSWORD=*** psql; curl -u me:*** --password *** https://h/'",
  ],
  [
    "COPY t FROM PROGRAM 'curl -H \"Authorization: Bearer x\" h'",
    "COPY t FROM PROGRAM 'curl -H \"Authorization: Bearer ***\" h'",
  ],
  ["EXECUTE 'ALTER ROLE a PASSWORD ''x'''", "EXECUTE 'ALTER ROLE a PASSWORD ''***'''"],
  ["EXECUTE 'ALTER ROLE a PASSWORD $$x$$'", "EXECUTE 'ALTER ROLE a PASSWORD $$***$$'"],
];

const harmless = [
  "SELECT password FROM users WHERE password = 'x'",
  "SELECT 'the password is here' -- password 'x'",
  "SELECT 'the password''s length', 'it''s'",
  "SET password_encryption = 'scram-sha-256'",
  "ALTER ROLE a PASSWORD NULL VALID UNTIL 'tomorrow'",
  "ALTER ROLE a SET search_path TO 'x'",
  "CREATE TABLE t (password text DEFAULT 'x', token text)",
  "UPDATE t SET a = 'x' WHERE password = 'y'",
  "SELECT 'http://host:8080/path', 'a@b', 'postgres://h/d', 'x://[::1]:5432/d'",
  "select $1::text, a$b$c, 'x' from t where secret_id = 'y'",
  "COMMENT ON COLUMN t.password IS 'x'",
  "SELECT 1",
];

/** In MySQL's language. */
const mysqlCases: readonly (readonly [string, string])[] = [
  ["CREATE USER 'a'@'%' IDENTIFIED BY 'x'", "CREATE USER 'a'@'%' IDENTIFIED BY '***'"],
  [
    String.raw`ALTER USER a IDENTIFIED BY 'x\'y' REPLACE "o\"ld" RETAIN CURRENT PASSWORD`,
    `ALTER USER a IDENTIFIED BY '***' REPLACE "***" RETAIN CURRENT PASSWORD`,
  ],
  [
    "ALTER USER a IDENTIFIED WITH caching_sha2_password AS 'hash', b IDENTIFIED BY \"x\"",
    "ALTER USER a IDENTIFIED WITH caching_sha2_password AS '***', b IDENTIFIED BY \"***\"",
  ],
  [
    "GRANT ALL ON *.* TO a IDENTIFIED BY PASSWORD '*ABC'",
    "GRANT ALL ON *.* TO a IDENTIFIED BY PASSWORD '***'",
  ],
  [
    "ALTER USER a IDENTIFIED VIA ed25519 USING PASSWORD('x') OR native USING 'hash'",
    "ALTER USER a IDENTIFIED VIA ed25519 USING PASSWORD('***') OR native USING '***'",
  ],
  ["SET PASSWORD = 'x' REPLACE 'y'", "SET PASSWORD = '***' REPLACE '***'"],
  ["SET PASSWORD FOR 'a'@'%' = PASSWORD('x')", "SET PASSWORD FOR 'a'@'%' = PASSWORD('***')"],
  ['SELECT old_password("x")', 'SELECT old_password("***")'],
  [
    "CHANGE MASTER TO MASTER_HOST='h', MASTER_PASSWORD='x', MASTER_PORT=1",
    "CHANGE MASTER TO MASTER_HOST='h', MASTER_PASSWORD='***', MASTER_PORT=1",
  ],
  [
    "CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD = 'x'",
    "CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD = '***'",
  ],
  [
    "START REPLICA USER = 'u' PASSWORD = 'x' DEFAULT_AUTH = 'y'",
    "START REPLICA USER = 'u' PASSWORD = '***' DEFAULT_AUTH = 'y'",
  ],
  [
    "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'u', PASSWORD 'x')",
    "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'u', PASSWORD '***')",
  ],
  [
    "CLONE INSTANCE FROM 'u'@'h':3306 IDENTIFIED BY 'x'",
    "CLONE INSTANCE FROM 'u'@'h':3306 IDENTIFIED BY '***'",
  ],
  ["# it's\nSET PASSWORD = 'x'", "# it's\nSET PASSWORD = '***'"],
  ["select 'it\\'s'; SET PASSWORD = 'x'", "select 'it\\'s'; SET PASSWORD = '***'"],
  ["select `it's`; SET PASSWORD = 'x'", "select `it's`; SET PASSWORD = '***'"],
  ["/* a /* b */ SET PASSWORD = 'x' -- */", "/* a /* b */ SET PASSWORD = '***' -- */"],
  [
    "/*!50001 SET PASSWORD = 'x' */ /*M! SET PASSWORD='y'*/",
    "/*!50001 SET PASSWORD = '***' */ /*M! SET PASSWORD='***'*/",
  ],
  ["UPDATE u SET password = 'x' WHERE n = 'y'", "UPDATE u SET password = '***' WHERE n = 'y'"],
  [
    `PREPARE s FROM "ALTER USER a IDENTIFIED BY 'x'"`,
    `PREPARE s FROM "ALTER USER a IDENTIFIED BY '***'"`,
  ],
  [
    "CREATE TABLE f (a int) ENGINE=FEDERATED CONNECTION='mysql://u:x@h:3306/d/t'",
    "CREATE TABLE f (a int) ENGINE=FEDERATED CONNECTION='mysql://u:***@h:3306/d/t'",
  ],
];

const mysqlHarmless = [
  'SELECT password FROM users WHERE password = "x"',
  "SELECT 1--1, 'a' # password 'x'",
  "SELECT `password` FROM t WHERE `password` = 'x' AND a = ?",
  "ALTER USER a PASSWORD EXPIRE INTERVAL 90 DAY COMMENT 'x'",
  "INSERT INTO slave_hosts (name) VALUES ('x')",
  "REPLACE INTO t (password) VALUES ('x')",
];

/** The text given in pieces of these sizes, in turn. */
function inPieces(text: string, sizes: () => number, protocol?: string): string {
  const redactor = new Redactor(new Set(), dialectOf(protocol));
  let out = "";
  for (let at = 0; at < text.length;) {
    const end = at + sizes();
    out += redactor.push(text.slice(at, end));
    at = end;
  }
  return out + redactor.push("", true);
}

Deno.test("redact() takes out secrets and nothing else", () => {
  for (const [given, wanted] of cases) assert.equal(redact(given), wanted);
});

Deno.test("redact() leaves statements without secrets as they are", () => {
  for (const text of harmless) assert.equal(redact(text), text);
});

Deno.test("secrets of MySQL's statements go by MySQL's rules", () => {
  for (const [given, wanted] of mysqlCases) {
    assert.equal(redact(given, "mysql"), wanted);
    assert.equal(redact(wanted, "mysql"), wanted);
  }
  for (const text of mysqlHarmless) assert.equal(redact(text, "mysql"), text);
  const all = [...mysqlCases.map(([given]) => given), ...mysqlHarmless].join(";\n");
  const wanted = redact(all, "mysql");
  const random = new SeededRandom(6);
  for (let round = 0; round < 50; round += 1) {
    assert.equal(inPieces(all, () => 1 + random.below(40), "mysql"), wanted);
  }
  const { secrets, marks } = redactStatement("update u set a = ?, password = ?", "mysql");
  assert.deepEqual([[...secrets], marks], [[2], 2]);
  const value = (value: string) => ({ type: "varchar", value, encoding: "text" as const });
  const rows = ["a", "x", "b", "y"].map(value);
  const shown = redactParameters(rows, secrets, marks).map(({ value }) => value);
  assert.deepEqual(shown, ["a", "***", "b", "***"]);
});

Deno.test("what was redacted before stays as it is", () => {
  for (const [, wanted] of cases) assert.equal(redact(wanted), wanted);
});

Deno.test("text in pieces of any size is redacted as the whole is", () => {
  const random = new SeededRandom(3);
  const all = [...cases.map(([given]) => given), ...harmless];
  // All in one text as well, where each stands in the surroundings of the others.
  for (const text of [...all, all.join(";\n"), all.toReversed().join(" ")]) {
    const wanted = redact(text);
    assert.equal(inPieces(text, () => 1), wanted);
    for (let round = 0; round < 20; round += 1) {
      assert.equal(inPieces(text, () => 1 + random.below(40)), wanted);
    }
  }
});

const soup = [
  ...[
    "'",
    "''",
    '"',
    "E'",
    "$$",
    "$a$",
    "$1",
    "\\",
    "/*",
    "*/",
    "--",
    "\n",
    " ",
    ";",
    "(",
    ",",
    "=",
  ],
  ...["password", "PASSWORD ", "password=", "identified by", "set", "set_config", "crypt", "U&'"],
  ...["app.token", "://u:", "@h", "-u a:", "secret", "word", "x".repeat(300), "é", " to ", "where"],
];

Deno.test("any text at all is redacted alike however it is cut, and nothing is made up", () => {
  const random = new SeededRandom(4);
  for (let round = 0; round < 3000; round += 1) {
    let text = "";
    const count = 1 + random.below(60);
    for (let at = 0; at < count; at += 1) text += soup[random.below(soup.length)];
    const wanted = new Redactor().push(text, true);
    const most = 1 + random.below(300);
    assert.equal(inPieces(text, () => 1 + random.below(most)), wanted, JSON.stringify(text));
    // What is left is what was there: between the marks, in order.
    let from = 0;
    for (const kept of wanted.split("***")) {
      from = text.indexOf(kept, from);
      assert.ok(from >= 0, JSON.stringify(text));
      from += kept.length;
    }
  }
});

Deno.test("a secret far inside a long statement does not leak, wherever it is cut", () => {
  const padding = `select ${"'it''s', $$a'b$$, /* ' */ 1, ".repeat(20_000)}2;\n`;
  const text = `${padding}ALTER ROLE x PASSWORD 'planted-7f3a';\n${padding}`;
  for (const size of [65_536, padding.length + 10, padding.length + 24, padding.length + 30]) {
    const clean = inPieces(text, () => size);
    assert.equal(clean, text.replace("planted-7f3a", "***"));
  }
});

Deno.test("little is held back", () => {
  const random = new SeededRandom(5);
  const redactor = new Redactor();
  let given = 0;
  let got = 0;
  for (let round = 0; round < 5000; round += 1) {
    const piece = soup[random.below(soup.length)] ?? "";
    if (/pass|ident|to|set|secret|crypt|:|-u/i.test(piece)) continue;
    given += piece.length;
    got += redactor.push(piece).length;
    assert.ok(given - got <= 4 * lookahead, `${given - got} characters`);
  }
});

Deno.test("redact() is linear in the length of the text", () => {
  for (
    const piece of [
      ...["password ", "'", "$a$", "/*", "password''", "E'\\", "identified by ", "set x ="],
      ...["'password=", "://u:", "'://u:x", "crypt(", '"password"', "$1", "- -u a:"],
    ]
  ) {
    const began = performance.now();
    redact("password '" + piece.repeat(300_000 / piece.length));
    assert.ok(performance.now() - began < 1500, piece);
  }
});

Deno.test("a parameter in the place of a secret is one", () => {
  for (
    const [text, secrets] of [
      ["update u set name = $1, password = $2 where id = $3", [2]],
      ["select set_config('app.token', $1, $2)", [1]],
      ["select crypt($1, $2)", [1]],
      ["select * from u where password = $1", []],
    ] as const
  ) assert.deepEqual([...redactStatement(text).secrets], secrets);
});

Deno.test("bound values lose secrets, and with them length and hash", () => {
  const text = (value: string) => ({ type: "text", value, encoding: "text" as const });
  const given = [
    text("alice"),
    { ...text("hunter2"), bytes: 5000, sha256: "aa" },
    { type: "bytea", value: null, encoding: "text" as const },
    { ...text("host=h password='x y' user=u"), bytes: 5000, sha256: "bb" },
    text("postgres://u:x@h/d"),
  ];
  assert.deepEqual(redactParameters(given, new Set([2, 3])), [
    text("alice"),
    text("***"),
    given[2],
    text("host=h password='***' user=u"),
    text("postgres://u:***@h/d"),
  ]);
  const harmless = [text("alice"), text("https://example.org/")];
  assert.equal(redactParameters(harmless, new Set()), harmless);
});

Deno.test("an escaped quote ends no secret, wherever the text was cut", () => {
  for (const closer of ["'", "''", "\\'"]) {
    const text = `pwd=${closer}${"\\'''z".repeat(120)}${closer} host=h`;
    const whole = redactLiteral(text);
    for (let size = 1; size <= 300; size += 1) {
      const redactor = new LiteralRedactor();
      let cut = "";
      for (let at = 0; at < text.length; at += size) {
        cut += redactor.push(text.slice(at, at + size), false);
      }
      assert.equal(cut + redactor.push("", true), whole, `${closer} in pieces of ${size}`);
    }
  }
});
