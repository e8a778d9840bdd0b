/** PostgreSQL's own regression scripts, out of Debian's source package. */
import { hasApt, OwnApt } from "./apt.ts";
import { join } from "./paths.ts";
import { cacheDir, exists, must, which } from "./tools.ts";

const parts = ["src/test/regress", "src/test/isolation", "src/pl/plpgsql/src", "contrib"];

/**
 * The folder with the scripts of this major version, unpacked once; null where this is no Debian
 * or its sources can't be had. They are those of this Debian, or of another suite such as `sid`.
 */
export async function postgresSource(major: string, suite?: string): Promise<string | null> {
  if (!(await hasApt()) || await which("bzip2") === null) return null;
  const home = join(cacheDir(), `postgresql-${major}-source`);
  const tree = join(home, "tree");
  if (await exists(join(home, ".done"))) return tree;
  try {
    const apt = await OwnApt.open(home, "deb-src", suite ?? await codename());
    const archive = await apt.source(`postgresql-${major}`, home);
    await Deno.mkdir(tree, { recursive: true });
    const wanted = parts.map((part) => `*/${part}/*`);
    await must("tar", [
      ...["-xf", archive, "-C", tree, "--strip-components=1", "--wildcards", ...wanted],
    ]);
    await apt.close();
    await Deno.remove(archive);
  } catch {
    await Deno.remove(home, { recursive: true }).catch(() => {});
    return null;
  }
  // The server reads data files of theirs, as another user.
  await must("chmod", ["-R", "a+rX", home]);
  await Deno.writeTextFile(join(home, ".done"), "");
  return tree;
}

async function codename(): Promise<string> {
  const text = await Deno.readTextFile("/etc/os-release");
  const name = /^VERSION_CODENAME=(\w+)$/m.exec(text)?.[1];
  if (name === undefined) throw new Error("this Debian has no name");
  return name;
}
