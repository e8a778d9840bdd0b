/** MySQL's words for the built-in shell, and where its statements end ("Lexical Structure"). */
import type { Dialect } from "./result.ts";
import type { Split } from "./split.ts";

/** What hides a `;` as a whole, with its end as a group; a comment; all else. */
const token = new RegExp(
  [
    /'(?:[^'\\]|\\[\s\S]|'')*('?)/,
    /"(?:[^"\\]|\\[\s\S]|"")*("?)/,
    /`[^`]*(`?)/,
    /\/\*[\s\S]*?(\*\/|$)/,
    /#[^\n]*|--[ \t\n][^\n]*|[^'"`/#;-]+|[\s\S]/,
  ].map(({ source }) => source).join("|"),
  "g",
);

export const mysqlDialect: Dialect = {
  split: splitMysql,
  databases: "show databases",
  relations: `select table_schema as \`schema\`, table_name as name, table_type as type,
  table_rows as about_rows from information_schema.tables
where table_schema = database() order by 1, 2`,
  columnsOf: (name) => `show columns from ${quoted(name)}`,
};

/** Statements of a text; the body of a procedure, which has `;` inside, can't be told from them. */
export function splitMysql(text: string): Split {
  const statements: string[] = [];
  let begin = 0;
  for (const { 0: word, index, ...groups } of text.matchAll(token)) {
    const isQuoted = /^['"`]|^\/\*/.test(word);
    const ends = [groups[1], groups[2], groups[3], groups[4]];
    if (isQuoted && !ends.some((end) => end !== undefined && end !== "")) break;
    if (word !== ";") continue;
    statements.push(text.slice(begin, index + 1).trim());
    begin = index + 1;
  }
  return { statements, rest: text.slice(begin).trimStart() };
}

/** `name` or `schema.name`. */
function quoted(name: string): string {
  return name.split(".").map((part) => `\`${part.replaceAll(/^`|`$/g, "").replaceAll("`", "``")}\``)
    .join(".");
}
