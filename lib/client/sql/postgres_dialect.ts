/** PostgreSQL's words for the built-in shell. */
import type { Dialect } from "./result.ts";
import { splitStatements } from "./split.ts";

const databases = `select datname as name, pg_catalog.pg_get_userbyid(datdba) as owner,
  pg_catalog.pg_encoding_to_char(encoding) as encoding
from pg_catalog.pg_database where datallowconn order by 1`;

const relations = `select n.nspname as schema, c.relname as name,
  case c.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view'
    when 'm' then 'materialized view' when 'S' then 'sequence' else 'foreign table' end as type,
  pg_catalog.pg_get_userbyid(c.relowner) as owner
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r','p','v','m','S','f') and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema' order by 1, 2`;

/** The name is resolved by the database, as any name in a statement is. */
function columnsOf(name: string): string {
  const literal = `'${name.replaceAll("'", "''")}'`;
  const quoted = name.includes("\\") ? `E${literal.replaceAll("\\", "\\\\")}` : literal;
  return `select a.attname as column, pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
  case when a.attnotnull then 'not null' else '' end as nullable,
  pg_catalog.pg_get_expr(d.adbin, d.adrelid) as default
from pg_catalog.pg_attribute a
left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = ${quoted}::pg_catalog.regclass and a.attnum > 0 and not a.attisdropped
order by a.attnum`;
}

export const postgresDialect: Dialect = {
  split: splitStatements,
  databases,
  relations,
  columnsOf,
};
