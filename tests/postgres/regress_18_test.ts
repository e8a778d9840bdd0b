/**
 * PostgreSQL 18's own regression scripts by Debian sid's programs, in protocol 3.2: pipelines and
 * prepared statements of psql among them. A few in the ordinary run, all with `--all`.
 */
import { join } from "../../scripts/lab/paths.ts";
import { embeddedPostgres } from "../../scripts/lab/postgres.ts";
import { postgresSource } from "../../scripts/lab/postgres_source.ts";
import { sidPostgresClient } from "../../scripts/lab/sid.ts";
import { skipped } from "../site.ts";
import { regressSuite } from "./regress_suite.ts";

const all = Deno.env.get("REMOTELER_TEST_ALL") !== undefined;
/** Those that the older version has not, or not as much of. */
const some = ["test_setup", "psql", "psql_pipeline", "copy2", "prepare", "plancache"];
/**
 * Tests of faults that were mended after the embedded server was built, and that crash it, directly
 * as well; and one that prints the time of day.
 */
const leaveOut = ["sqljson", "sqljson_queryfuncs", "sqljson_jsontable", "hash_part", "uuid"];
const places = {
  psql: "bin/psql",
  pg_regress: "lib/pgxs/src/test/regress/pg_regress",
  pg_isolation_regress: "lib/pgxs/src/test/isolation/pg_isolation_regress",
};

const sid = await sidPostgresClient();
const tree = sid === null ? null : await postgresSource("18", "sid");
if (sid === null || tree === null) {
  skipped("PostgreSQL 18's own regression scripts", "Debian sid's packages can't be had");
} else {
  const folder = join(tree, "src/test/regress");
  const binaries = await embeddedPostgres(() => {});
  regressSuite({
    binaries,
    programs: {
      command: (name) => {
        const { program, args } = sid(places[name]);
        return [program, ...args];
      },
      libraries: join(binaries.bin, "../lib/postgresql"),
    },
    suites: [{
      name: "core",
      folder,
      scripts: all ? { schedule: join(folder, "parallel_schedule"), leaveOut } : { names: some },
    }],
    env: { PGMAXPROTOCOLVERSION: "3.2" },
  });
}
