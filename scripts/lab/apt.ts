/** Debian's packages without installing any: an apt with a state of its own. */
import { join } from "./paths.ts";
import { exists, must, which } from "./tools.ts";

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
const timeoutMs = 300_000;

/** True on a Debian that has the tools; whether there is a mirror is another question. */
export async function hasApt(): Promise<boolean> {
  return await exists(keyring) && await which("apt-get") !== null;
}

/** A folder that holds lists and archives of one suite of this system's own mirror. */
export class OwnApt {
  readonly #home: string;
  readonly #options: readonly string[];

  private constructor(home: string) {
    this.#home = home;
    this.#options = [
      `Dir::State=${home}/state`,
      `Dir::State::status=${home}/status`,
      `Dir::Cache=${home}/cache`,
      `Dir::Etc::sourcelist=${home}/sources.list`,
      "Dir::Etc::sourceparts=/dev/null",
      "Acquire::Languages=none",
      // sid's Release file may be past its date on a mirror; signatures stay checked.
      "Acquire::Check-Valid-Until=false",
      "APT::Sandbox::User=root",
    ].flatMap((option) => ["-o", option]);
  }

  /** Fetches the suite's lists, of packages or of their sources; throws where they can't be had. */
  static async open(home: string, kind: "deb" | "deb-src", suite: string): Promise<OwnApt> {
    for (const dir of ["state/lists/partial", "cache/archives/partial"]) {
      await Deno.mkdir(join(home, dir), { recursive: true });
    }
    await Deno.writeTextFile(join(home, "status"), "");
    const line = `${kind} [signed-by=${keyring}] ${await ownMirror()} ${suite} main\n`;
    await Deno.writeTextFile(join(home, "sources.list"), line);
    const apt = new OwnApt(home);
    await apt.#get(["update", "-qq"]);
    return apt;
  }

  /** Unpacks packages and all they depend on into a folder. */
  async unpack(names: readonly string[], folder: string): Promise<void> {
    await this.#get([
      ...["install", "-y", "-qq", "--no-install-recommends", "--download-only", ...names],
    ]);
    const archives = join(this.#home, "cache/archives");
    for await (const entry of Deno.readDir(archives)) {
      if (entry.name.endsWith(".deb")) {
        await must("dpkg-deb", ["-x", join(archives, entry.name), folder]);
      }
    }
  }

  /** The archive of a package's upstream source, checked by apt, in a folder. */
  async source(name: string, folder: string): Promise<string> {
    await this.#get(["source", "-qq", "--download-only", name], folder);
    for await (const entry of Deno.readDir(folder)) {
      if (entry.name.includes(".orig.tar.")) return join(folder, entry.name);
    }
    throw new Error(`no upstream archive among the sources of ${name}`);
  }

  /** Removes what was only needed on the way. */
  async close(): Promise<void> {
    for (const dir of ["cache", "state"]) {
      await Deno.remove(join(this.#home, dir), { recursive: true });
    }
  }

  #get(args: readonly string[], cwd?: string): Promise<string> {
    return must("apt-get", [...this.#options, ...args], {
      timeoutMs,
      ...(cwd === undefined ? {} : { cwd }),
    });
  }
}

/** Where this system has its own Debian packages from. */
async function ownMirror(): Promise<string> {
  const format = "$(ORIGIN)|$(LABEL)|$(REPO_URI)";
  const known = await must("apt-get", ["indextargets", "--format", format]);
  const mirror = /^Debian\|Debian\|(\S+)$/m.exec(known)?.[1];
  if (mirror === undefined) throw new Error("apt knows no Debian mirror yet");
  return mirror;
}
