/** The real clients that the tests run: where they are, how each is started. */
import { fromFileUrl, join } from "../../scripts/lab/paths.ts";
import type { MysqlBinaries } from "../../scripts/lab/mysql.ts";
import { type Finished, npmPackages, run, which } from "../../scripts/lab/tools.ts";
import { pythonWith } from "../postgres/drivers.ts";
import { goDriver, javaDrivers } from "./compiled_drivers.ts";
import { cli, type Way } from "./site.ts";

/** One real client and its script. */
export interface Driver {
  readonly name: string;
  /** Only for servers of this maker. */
  readonly maker?: MysqlBinaries["name"];
  /** What it does with MariaDB hangs on how that greets, so it needs the real greeting. */
  readonly readsGreeting?: boolean;
  /** Runs the script against a server that can be reached so, with a blob of so many MiB. */
  run(way: Way, blobMiB: number): Promise<Finished>;
}

/** A client that can't be had here, and why. */
export interface MissingDriver {
  readonly name: string;
  readonly reason: string;
}

export const scripts = fromFileUrl(new URL("./drivers/", import.meta.url));
const timeoutMs = 300_000;

const pythonPackages = [
  ...["mysql-connector-python==9.7.0", "pymysql==1.1.2"],
  ...["sqlalchemy==2.0.44", "greenlet==3.2.4"],
];

/** Every driver of the common scripts, installed where that is possible. */
export async function allDrivers(
  found: readonly MysqlBinaries[],
): Promise<(Driver | MissingDriver)[]> {
  return [
    ...found.map(commandLine),
    await nodeDriver(),
    ...await pythonDrivers(),
    await goDriver(),
    ...await javaDrivers(),
  ];
}

/** What it prints of errors counts as output too. */
function commandLine(binaries: MysqlBinaries): Driver {
  return {
    name: `the ${binaries.name} client`,
    // MySQL's has no method left that MariaDB's server knows.
    ...(binaries.name === "MySQL" ? { maker: "MySQL" } : {}),
    run: async (way) => {
      const script = await Deno.readTextFile(join(scripts, "script.sql"));
      const text = script.replaceAll("'lines.txt'", `'${join(scripts, "lines.txt")}'`);
      // Without names MySQL's program aligns numbers by memory that nobody has set.
      const told = ["--force", "--table", "--column-names", "--local-infile=1"];
      const done = await cli(binaries, way, told, text);
      return { ...done, code: 0, stdout: done.stdout + done.stderr };
    },
  };
}

async function nodeDriver(): Promise<Driver | MissingDriver> {
  const name = "mysql2";
  const node = await which("node");
  if (node === null) return { name, reason: "node is not installed" };
  const home = await npmPackages("drivers", { mysql2: "3.24.6" });
  // Imports are looked up from the script's own folder.
  const script = join(home, "mysql2.mjs");
  await Deno.copyFile(join(scripts, "mysql2.mjs"), script);
  // MariaDB says in the metadata of a column that it holds JSON, where that was agreed on.
  const readsGreeting = true;
  return {
    name,
    readsGreeting,
    run: (way, mib) => run(node, [script], { timeoutMs, env: told(way, mib) }),
  };
}

/** The Python that has these drivers. */
export function pythonDriver(): Promise<string | { readonly reason: string }> {
  return pythonWith(pythonPackages);
}

async function pythonDrivers(): Promise<(Driver | MissingDriver)[]> {
  const names = [
    ["PyMySQL", "with_pymysql.py"],
    ["mysql-connector-python", "with_connector.py"],
    ["SQLAlchemy over PyMySQL", "sqlalchemy_orm.py"],
  ] as const;
  const python = await pythonDriver();
  if (typeof python !== "string") {
    return names.map(([name]) => ({ name, reason: python.reason }));
  }
  return names.map(([name, file]) => ({
    name,
    run: (way, mib) => run(python, [join(scripts, file)], { timeoutMs, env: told(way, mib) }),
  }));
}

/** How a script is told where to go. */
export function told(way: Way, blobMiB: number): Record<string, string> {
  return {
    MYSQL_WAY: JSON.stringify(way),
    MYSQL_FOLDER: scripts,
    MYSQL_BLOB_MIB: String(blobMiB),
    LC_ALL: "C.UTF-8",
  };
}
