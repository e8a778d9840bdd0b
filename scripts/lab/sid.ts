/** Programs newer than this Debian's, unpacked from Debian sid into a folder of their own. */
import { join } from "./paths.ts";
import { cacheDir, exists, must, which } from "./tools.ts";

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** A program out of Debian sid: what to run, and the arguments that come before its own. */
export interface SidProgram {
  readonly program: string;
  readonly args: readonly string[];
}

/**
 * psql 18 and the other programs of its package; null where this is no Debian on x86-64 or the
 * packages can't be had. Nothing is installed into the system: apt gets a state of its own, and
 * the programs run by the dynamic linker that comes with them.
 */
export async function sidPostgresClient(): Promise<((name: string) => SidProgram) | null> {
  const wanted = Deno.build.arch === "x86_64" && await exists(keyring) &&
    await which("apt-get") !== null && await which("dpkg-deb") !== null;
  if (!wanted) return null;
  const home = join(cacheDir(), "sid-postgresql-client-18");
  const files = join(home, "root");
  if (!(await exists(join(home, ".done")))) {
    try {
      const mirror = await ownMirror();
      if (mirror === null) return null;
      await unpack("postgresql-client-18", mirror, home, files);
    } catch {
      await Deno.remove(home, { recursive: true }).catch(() => {});
      return null;
    }
    await Deno.writeTextFile(join(home, ".done"), "");
  }
  const libraries = join(files, "usr/lib/x86_64-linux-gnu");
  return (name) => ({
    program: join(files, "usr/lib64/ld-linux-x86-64.so.2"),
    args: ["--library-path", libraries, join(files, "usr/lib/postgresql/18/bin", name)],
  });
}

/** Where this system has its own Debian packages from; null where apt knows no such place yet. */
async function ownMirror(): Promise<string | null> {
  const format = "$(ORIGIN)|$(LABEL)|$(REPO_URI)";
  const known = await must("apt-get", ["indextargets", "--format", format]);
  return /^Debian\|Debian\|(\S+)$/m.exec(known)?.[1] ?? null;
}

async function unpack(name: string, mirror: string, home: string, files: string): Promise<void> {
  for (const dir of ["state/lists/partial", "cache/archives/partial", "root"]) {
    await Deno.mkdir(join(home, dir), { recursive: true });
  }
  await Deno.writeTextFile(join(home, "status"), "");
  const sources = join(home, "sources.list");
  await Deno.writeTextFile(sources, `deb [signed-by=${keyring}] ${mirror} sid main\n`);
  const options = [
    `Dir::State=${home}/state`,
    `Dir::State::status=${home}/status`,
    `Dir::Cache=${home}/cache`,
    `Dir::Etc::sourcelist=${sources}`,
    "Dir::Etc::sourceparts=/dev/null",
    "Acquire::Languages=none",
    // sid's Release file may be past its date on a mirror; signatures stay checked.
    "Acquire::Check-Valid-Until=false",
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  await must("apt-get", [...options, "update", "-qq"], { timeoutMs: 300_000 });
  await must("apt-get", [
    ...[...options, "install", "-y", "-qq", "--no-install-recommends", "--download-only", name],
  ], { timeoutMs: 300_000 });
  for await (const entry of Deno.readDir(join(home, "cache/archives"))) {
    if (!entry.name.endsWith(".deb")) continue;
    await must("dpkg-deb", ["-x", join(home, "cache/archives", entry.name), files]);
  }
  await Deno.remove(join(home, "cache"), { recursive: true });
}
