/** A network namespace behind a slow, lossy wire that can be cut; for root on Linux. */
import { fromFileUrl } from "../../scripts/lab/paths.ts";
import { exists, isRoot, must, run, which } from "../../scripts/lab/tools.ts";

/** Why there can be no wire here; null where there can. */
export async function noWire(): Promise<string | null> {
  if (!isRoot()) return "only root makes network namespaces";
  for (const program of ["ip", "python3", "setpriv"]) {
    if (await which(program) === null) return `${program} is not installed`;
  }
  if (!(await exists("/dev/net/tun"))) return "there is no /dev/net/tun";
  const name = `rmt${Deno.pid}t`;
  const needed: [object: string, ...what: string[]][] = [
    ["netns", name],
    ["tuntap", "dev", name, "mode", "tun"],
  ];
  for (const [object, ...what] of needed) {
    if ((await run("ip", [object, "add", ...what])).code !== 0) {
      return `this system lets root make no ${object}`;
    }
    await run("ip", [object, "del", ...what]);
  }
  return null;
}

export class Wire {
  readonly netns: string;
  /** Our own address on the wire, and the namespace's. */
  readonly near: string;
  readonly far: string;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #output: ReadableStreamDefaultReader<string>;

  private constructor(names: { netns: string; near: string; far: string }, device: string) {
    this.netns = names.netns;
    this.near = names.near;
    this.far = names.far;
    const program = fromFileUrl(new URL("./wire.py", import.meta.url));
    this.#child = new Deno.Command("python3", {
      args: [program, `${device}f`, names.netns, `${device}n`],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Makes the namespace and the wire to it; both ends are up. */
  static async lay(): Promise<Wire> {
    const netns = `rmt-${Deno.pid}`;
    // Each process has a network of its own, in the range for tests between networks (RFC 2544).
    const net = `198.18.${Deno.pid % 250}`;
    await must("ip", ["netns", "add", netns]);
    const wire = new Wire({ netns, near: `${net}.1`, far: `${net}.2` }, `rmt${Deno.pid}`);
    try {
      await wire.#answered();
      const device = `rmt${Deno.pid}`;
      await must("ip", ["addr", "add", `${wire.near}/30`, "dev", `${device}n`]);
      await must("ip", ["link", "set", `${device}n`, "up"]);
      const inside = ["netns", "exec", netns, "ip"];
      await must("ip", [...inside, "link", "set", "lo", "up"]);
      await must("ip", [...inside, "addr", "add", `${wire.far}/30`, "dev", `${device}f`]);
      await must("ip", [...inside, "link", "set", `${device}f`, "up"]);
    } catch (e) {
      await wire.remove();
      throw e;
    }
    return wire;
  }

  /** Delay of each direction, and the share of packets that is lost. */
  set(delayMs: number, loss: number): Promise<void> {
    return this.#say(`set ${delayMs} ${loss}`);
  }

  /**
   * From now on each packet vanishes without a word, as behind a router that lost its way; of one
   * TCP port only, where it is given.
   */
  cut(port?: number): Promise<void> {
    return this.#say(port === undefined ? "cut" : `cut ${port}`);
  }

  join(): Promise<void> {
    return this.#say("join");
  }

  /** Ends the wire; whatever runs in the namespace must have ended. */
  async remove(): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#output.cancel().catch(() => {});
    await this.#child.status;
    await run("ip", ["netns", "del", this.netns]);
  }

  async #say(command: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${command}\n`));
    await this.#answered();
  }

  async #answered(): Promise<void> {
    const { value } = await this.#output.read();
    if (value === undefined) throw new Error("the wire ended");
  }
}
