/**
 * PostgreSQL 18's server and its own psql, and drivers that use most of the protocol; all of them
 * with `--all`.
 */
import { embeddedPostgres } from "../../scripts/lab/postgres.ts";
import { sidPostgresClient } from "../../scripts/lab/sid.ts";
import { allDrivers, psqlFrom } from "./drivers.ts";
import { driversSuite } from "./drivers_suite.ts";

const usual = ["psycopg", "asyncpg", "pgx"];

const all = Deno.env.get("REMOTELER_TEST_ALL") !== undefined;
const found = await allDrivers();
const sid = await sidPostgresClient();
const psql = sid === null
  ? { name: "psql 18", reason: "Debian sid's packages can't be had" }
  : psqlFrom("psql 18", sid("bin/psql"));
driversSuite(
  [psql, ...found.filter(({ name }) => all ? name !== "psql" : usual.includes(name))],
  await embeddedPostgres(() => {}),
);
