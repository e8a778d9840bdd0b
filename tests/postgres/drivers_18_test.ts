/**
 * PostgreSQL 18's server and its own psql, and drivers that use most of the protocol; all of them
 * with `--all`.
 */
import { embeddedPostgres } from "../../scripts/lab/postgres.ts";
import { sidPostgresClient } from "../../scripts/lab/sid.ts";
import { allDrivers, type Driver, psqlFrom } from "./drivers.ts";
import { driversSuite } from "./drivers_suite.ts";

const usual = ["psycopg", "asyncpg", "pgx"];

const all = Deno.env.get("REMOTELER_TEST_ALL") !== undefined;
const found = await allDrivers();
const sid = await sidPostgresClient();
const psqls = sid === null
  ? [{ name: "psql 18", reason: "Debian sid's packages can't be had" }]
  : [psqlFrom("psql 18", sid("bin/psql")), inNewest(psqlFrom("psql 18", sid("bin/psql")))];
driversSuite(
  [...psqls, ...found.filter(({ name }) => all ? name !== "psql" : usual.includes(name))],
  await embeddedPostgres(() => {}),
);

/** Speaks protocol 3.2 and nothing less, and TLS with no question before it. */
function inNewest({ name, run }: Driver): Driver {
  const newest = {
    PGMINPROTOCOLVERSION: "3.2",
    PGMAXPROTOCOLVERSION: "3.2",
    PGSSLNEGOTIATION: "direct",
  };
  const again = (env: Readonly<Record<string, string>>) => run({ ...env, ...newest });
  // Its tables have the names of the other one's.
  return { name: `${name} in protocol 3.2 by direct TLS`, alone: true, run: again };
}
