/** What the measurements of one run share. */
import { join } from "../lab/paths.ts";
import type { Person } from "../lab/services.ts";
import { must } from "../lab/tools.ts";
import type { Lab, Product } from "./figure.ts";
import { benchUser, type Ground, nativePath, prepareGround } from "./ground.ts";
import type { Path } from "./path.ts";
import { measure, type Work } from "./works.ts";

const warmUp: Work = { name: "simple", clients: 8, unit: "transactions/s" };

export interface LabOptions {
  readonly dir: string;
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly seconds: number;
  readonly leadSeconds: number;
  readonly say: (text: string) => void;
  readonly stalled: (text: string) => void;
}

export class SharedLab implements Lab {
  readonly dir: string;
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly seconds: number;
  readonly leadSeconds: number;
  readonly say: (text: string) => void;
  readonly stalled: (text: string) => void;
  #ground: Ground | null = null;
  #person: Person | null = null;

  constructor({ dir, isQuick, rounds, seconds, leadSeconds, say, stalled }: LabOptions) {
    this.dir = dir;
    this.isQuick = isQuick;
    this.rounds = rounds;
    this.seconds = seconds;
    this.leadSeconds = leadSeconds;
    this.say = say;
    this.stalled = stalled;
  }

  async ground(withProduct = true): Promise<Ground> {
    const { say } = this;
    if (withProduct && this.#ground?.site === null) await this.close();
    const dir = join(this.dir, "ground");
    if (this.#ground === null) {
      await must("mkdir", ["-p", "-m", "0711", dir]);
      const copyRows = this.isQuick ? 20_000 : 200_000;
      this.#ground = await prepareGround(dir, { withProduct, copyRows, say });
    }
    return this.#ground;
  }

  async product(): Promise<Product> {
    const ground = await this.ground();
    const { site } = ground;
    if (site === null) throw new Error("the ground has no services");
    const person = this.#person ??= await benchUser(site);
    return { ground, site, person };
  }

  async native(): Promise<Path> {
    const { ground, site, person } = await this.product();
    const path = await nativePath(site, person);
    const seconds = this.isQuick ? 1 : 3;
    await measure({ ...ground, seconds, leadSeconds: 0 }, path, warmUp);
    return path;
  }

  async close(): Promise<void> {
    await this.#ground?.close();
    this.#ground = null;
    this.#person = null;
    await Deno.remove(join(this.dir, "ground"), { recursive: true }).catch(() => {});
  }
}
