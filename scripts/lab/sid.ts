/** Programs newer than this Debian's, unpacked from Debian sid into a folder of their own. */
import { hasApt, OwnApt } from "./apt.ts";
import { join } from "./paths.ts";
import { cacheDir, exists, which } from "./tools.ts";

/** A program out of Debian sid: what to run, and the arguments that come before its own. */
export interface SidProgram {
  readonly program: string;
  readonly args: readonly string[];
}

/**
 * psql 18 and the other programs of its package, each by its path there as `bin/psql`; null where
 * they can't be had.
 */
export async function sidPostgresClient(): Promise<((path: string) => SidProgram) | null> {
  const root = await unpacked("sid-postgresql-client-18", ["postgresql-client-18"]);
  return root === null ? null : (path) => root.program(`usr/lib/postgresql/18/${path}`);
}

/** Packages of sid in a folder of their own. */
export interface SidRoot {
  /** The folder that they were unpacked into. */
  readonly files: string;
  /** A program by its path, as `usr/sbin/mysqld`. */
  program(path: string): SidProgram;
}

/** MySQL's server and its programs; null where they can't be had. */
export async function sidMysql(): Promise<SidRoot | null> {
  return await unpacked("sid-mysql", ["mysql-server-core", "mysql-client-core"]);
}

/** The programs of one package, each by its path there as `usr/bin/redis-cli`; null as above. */
export async function sidPrograms(
  name: string,
): Promise<((path: string) => SidProgram) | null> {
  const root = await unpacked(`sid-${name}`, [name]);
  return root === null ? null : (path) => root.program(path);
}

/**
 * Packages and what they depend on; null where this is no Debian on x86-64 or they can't be had.
 * Nothing is installed into the system: apt gets a state of its own, and the programs run by the
 * dynamic linker that comes with them.
 */
async function unpacked(name: string, packages: readonly string[]): Promise<SidRoot | null> {
  const wanted = Deno.build.arch === "x86_64" && await hasApt() && await which("dpkg-deb") !== null;
  if (!wanted) return null;
  const home = join(cacheDir(), name);
  const files = join(home, "root");
  if (!(await exists(join(home, ".done")))) {
    try {
      const apt = await OwnApt.open(home, "deb", "sid");
      await Deno.mkdir(files, { recursive: true });
      await apt.unpack(packages, files);
      await apt.close();
    } catch {
      await Deno.remove(home, { recursive: true }).catch(() => {});
      return null;
    }
    await Deno.writeTextFile(join(home, ".done"), "");
  }
  const libraries = ["lib", "usr/lib"].map((dir) => join(files, dir, "x86_64-linux-gnu"));
  return {
    files,
    program: (path) => ({
      program: join(files, "usr/lib64/ld-linux-x86-64.so.2"),
      args: ["--library-path", libraries.join(":"), join(files, path)],
    }),
  };
}
