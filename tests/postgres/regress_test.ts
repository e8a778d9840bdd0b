/**
 * PostgreSQL 15's own regression scripts, out of Debian's source package, by its own `pg_regress`:
 * through the proxy they print what they print directly, and each statement is on record. Some of
 * them in the ordinary run; all, with those of the extensions, with `--all`.
 */
import { join } from "../../scripts/lab/paths.ts";
import { debianPostgres } from "../../scripts/lab/postgres.ts";
import { postgresSource } from "../../scripts/lab/postgres_source.ts";
import { exists } from "../../scripts/lab/tools.ts";
import { skipped } from "../site.ts";
import { listedScripts, type Suite } from "./regress.ts";
import { regressSuite } from "./regress_suite.ts";

const all = Deno.env.get("REMOTELER_TEST_ALL") !== undefined;
const major = "15";
const what = `PostgreSQL ${major}'s own regression scripts`;
/** Those with most of the protocol in them. */
const some = [
  ...["test_setup", "copy", "copyselect", "copydml", "copy2", "prepare", "portals", "psql"],
  ...["transactions", "errors", "largeobject", "async", "plancache", "temp", "privileges"],
  ...["strings", "limit"],
];
const bin = `/usr/lib/postgresql/${major}/bin`;
const libraries = `/usr/lib/postgresql/${major}/lib`;
const extensions = `/usr/share/postgresql/${major}/extension`;
const commands = {
  psql: `${bin}/psql`,
  pg_regress: `${libraries}/pgxs/src/test/regress/pg_regress`,
  pg_isolation_regress: `${libraries}/pgxs/src/test/isolation/pg_isolation_regress`,
};

const binaries = await debianPostgres(major);
const tree = binaries === null ? null : await postgresSource(major);
if (binaries === null) skipped(what, `PostgreSQL ${major} is not installed`);
else if (tree === null) skipped(what, "Debian's sources can't be had");
else if (!(await exists(commands.pg_regress))) skipped(what, "pg_regress is not installed");
else {
  regressSuite({
    binaries,
    programs: { command: (name) => [commands[name]], libraries },
    suites: all ? await suites(tree) : [core(tree, { names: some })],
    preload: "pg_stat_statements",
  });
}

function core(tree: string, scripts: Suite["scripts"]): Suite {
  return { name: "core", folder: join(tree, "src/test/regress"), scripts };
}

/** All that can run here of what is in the sources. */
async function suites(tree: string): Promise<Suite[]> {
  const isolation = join(tree, "src/test/isolation");
  const found: Suite[] = [
    core(tree, { schedule: join(tree, "src/test/regress/parallel_schedule") }),
    {
      ...{ name: "isolation", folder: isolation, isolation: true },
      scripts: { schedule: join(isolation, "isolation_schedule") },
    },
    await listed("plpgsql", join(tree, "src/pl/plpgsql/src")),
    await listed("test_decoding", join(tree, "contrib/test_decoding")),
  ];
  const controls = await Array.fromAsync(Deno.readDir(extensions));
  for (const { name } of controls.sort((a, b) => a.name < b.name ? -1 : 1)) {
    const extension = /^(.*)\.control$/.exec(name)?.[1] ?? "";
    const own = join(tree, "contrib", extension);
    if (extension !== "" && await exists(join(own, "sql"))) {
      found.push(await listed(extension, own));
    }
  }
  return found;
}

async function listed(name: string, folder: string): Promise<Suite> {
  return { name, folder, scripts: { names: await listedScripts(join(folder, "Makefile")) } };
}
