/** A site of real processes for the tests of one file, and skips that name themselves. */
import {
  debianPostgres,
  embeddedPostgres,
  type PostgresBinaries,
} from "../scripts/lab/postgres.ts";
import { freshFolder, Site, type SiteOptions } from "../scripts/lab/site.ts";
import { exists, waitFor, which } from "../scripts/lab/tools.ts";

/** The schema that most tests use: `alice` owns `orders`; `bob` may log in. */
export const plainSql = `
create role alice login;

create role bob login;

create database orders owner alice;
`;

/** Statements as the server itself saw them, one log entry with its process id each. */
export const logEverything = [
  "log_statement = all",
  "log_line_prefix = '%m [%p] %u@%d '",
  "log_min_messages = warning",
  "log_parameter_max_length = 0",
];

/** Debian's PostgreSQL where there is one, else the embedded one. */
export async function anyPostgres(): Promise<PostgresBinaries> {
  return await debianPostgres() ?? await embeddedPostgres(() => {});
}

/**
 * Declares tests that share one site, opened before the first and closed after the last. The
 * site's processes outlive single tests, so the leak sanitizers are for unit tests.
 */
export function siteSuite(
  options: Partial<SiteOptions>,
  prepare: (site: Site) => Promise<void> = async () => {},
  afterwards: () => Promise<void> = async () => {},
): (name: string, run: (site: Site) => Promise<void>) => void {
  let site: Site | null = null;
  let dir = "";
  Deno.test.beforeAll(async () => {
    dir = await freshFolder("remoteler-site-");
    site = await Site.open({
      dir,
      binaries: await anyPostgres(),
      sql: plainSql,
      databases: { orders: { env: "test" } },
      ...options,
    });
    await prepare(site);
  });
  Deno.test.afterAll(async () => {
    await site?.close();
    await afterwards();
    if (!Deno.env.get("REMOTELER_KEEP")) await removeAll(dir);
  });
  return (name, run) => {
    Deno.test({
      name,
      sanitizeOps: false,
      sanitizeResources: false,
      fn: async () => {
        if (site === null) throw new Error("the site did not open");
        await run(site);
      },
    });
  };
}

/** Removes a folder; a server that was killed may still have children that tidy up in it. */
async function removeAll(dir: string): Promise<void> {
  await waitFor(`${dir} is removed`, 5000, async () => {
    await Deno.remove(dir, { recursive: true }).catch(() => {});
    return !(await exists(dir));
  });
}

/** Says that something was left out and why; the test runner prints it on a line of its own. */
export function skipped(what: string, reason: string): void {
  const file = Deno.env.get("REMOTELER_SKIPS");
  if (file) Deno.writeTextFileSync(file, `${what}: ${reason}\n`, { append: true });
}

/** True where the program is installed; else the skip is said. */
export async function have(program: string, what: string): Promise<boolean> {
  if (await which(program)) return true;
  skipped(what, `${program} is not installed`);
  return false;
}
