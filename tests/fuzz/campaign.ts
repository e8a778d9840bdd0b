/**
 * Runs a target on damaged inputs for a time. What comes of each input must be what the target's
 * room declares: an answer or one of its errors, soon, in little memory.
 */
import { cpuUsage, memoryUsage } from "node:process";
import { join } from "node:path";
import { SeededRandom } from "../fakes/random.ts";
import { type Corpus, cuts, mutate } from "./mutate.ts";

/** One row: what is read, from what it starts, and which errors it may end with. */
export interface Target {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  readonly words?: readonly string[];
  /** Bytes that an input has at most. @default 16384 */
  readonly bytesMax?: number;
  /** Classes of errors that are an answer; all others are mistakes of ours. */
  readonly answers: readonly ErrorClass[];
  /** Makes a damaged input reach deeper, for example by putting a checksum right. */
  readonly repair?: (input: Uint8Array) => Uint8Array;
  /** Reads the input and checks what must hold; what it gives tells inputs of a new kind. */
  run(input: Uint8Array, delivery: Delivery): string | Promise<string>;
}

export type ErrorClass = abstract new (...given: never[]) => Error;

/** How an input arrives; the same for the same input. */
export interface Delivery {
  readonly random: SeededRandom;
  /** The input in pieces. */
  cuts(bytes: Uint8Array): Iterable<Uint8Array>;
}

export interface Broken {
  readonly input: Uint8Array;
  readonly error: unknown;
}

export interface Outcome {
  readonly executions: number;
  /** Inputs that led to something new, and were damaged further. */
  readonly kinds: number;
  readonly broken: Broken | null;
}

const inputMsMax = 250;
const inputMemoryMax = 48 * 1024 * 1024;
const corpusMax = 1000;
const foundDirectory = join(import.meta.dirname ?? ".", "found");

/** What was found before, then the seeds, then damage until time is over or something breaks. */
export async function campaign(
  target: Target,
  options: { readonly seconds: number; readonly seed: number },
): Promise<Outcome> {
  const kinds = new Set<string>();
  const inputs: Uint8Array[] = [];
  let executions = 0;
  const attempt = async (input: Uint8Array): Promise<Broken | null> => {
    executions += 1;
    const { kind, error } = await execute(target, input);
    if (error !== null) return { input, error };
    if (kinds.size < corpusMax && !kinds.has(kind)) {
      kinds.add(kind);
      inputs.push(input);
    }
    return null;
  };
  const first = [...await found(target), ...target.seeds];
  for (const input of first) {
    const broken = await attempt(input);
    if (broken !== null) return { executions, kinds: kinds.size, broken };
  }
  inputs.push(...target.seeds);
  const words = (target.words ?? []).map((word) => new TextEncoder().encode(word));
  const corpus: Corpus = { inputs, words, bytesMax: target.bytesMax ?? 16 * 1024 };
  const random = new SeededRandom(options.seed);
  const until = performance.now() + options.seconds * 1000;
  let broken: Broken | null = null;
  while (broken === null && performance.now() < until) {
    const damaged = mutate(corpus, random);
    const isRepaired = target.repair !== undefined && random.below(4) > 0;
    broken = await attempt(isRepaired ? target.repair(damaged) : damaged);
  }
  if (broken !== null) broken = await keep(target, await smaller(target, broken));
  return { executions, kinds: kinds.size, broken };
}

async function execute(
  target: Target,
  input: Uint8Array,
): Promise<{ kind: string; error: unknown }> {
  const first = await measured(target, input);
  if (first.error !== null || first.ms <= inputMsMax && first.bytes <= inputMemoryMax) return first;
  // Others use the machine as well: too slow or too large is what is so three times.
  const runs = [first, await measured(target, input), await measured(target, input)];
  const ms = Math.min(...runs.map((run) => run.cpuMs));
  const bytes = Math.min(...runs.map((run) => run.bytes));
  if (ms > inputMsMax) return failed(`${Math.round(ms)} ms for ${input.length} bytes`);
  if (bytes > inputMemoryMax) return failed(`${bytes} bytes of memory for ${input.length} bytes`);
  return first;
}

function failed(message: string): { kind: string; error: Error } {
  return { kind: "", error: new Error(message) };
}

interface Run {
  readonly kind: string;
  /** Null where the end was an answer. */
  readonly error: unknown;
  readonly ms: number;
  readonly cpuMs: number;
  readonly bytes: number;
}

async function measured(target: Target, input: Uint8Array): Promise<Run> {
  const random = new SeededRandom(fingerprint(input));
  const delivery = { random, cuts: (bytes: Uint8Array) => cuts(bytes, random) };
  const before = held();
  const cpuBefore = cpuUsage();
  const started = performance.now();
  let kind = "";
  let error: unknown = null;
  try {
    const answer = target.run(input.slice(), delivery);
    kind = typeof answer === "string" ? answer : await answer;
  } catch (thrown) {
    if (thrown instanceof Error && target.answers.some((each) => thrown instanceof each)) {
      // Numbers and what stands in quotes tell of the input, not of what was wrong with it.
      kind = `${thrown.name} ${thrown.message.replace(/["'`].*/s, "").replaceAll(/\d+/g, "#")}`;
    } else error = thrown ?? new Error("threw nothing");
  }
  const ms = performance.now() - started;
  const { user, system } = cpuUsage(cpuBefore);
  return { kind, error, ms, cpuMs: (user + system) / 1000, bytes: held() - before };
}

/** FNV-1a of 32 bits (RFC 9923). */
function fingerprint(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function held(): number {
  const { heapUsed, external } = memoryUsage();
  return heapUsed + external;
}

/** Leaves out what doesn't matter to the failure, within some seconds. */
async function smaller(target: Target, broken: Broken): Promise<Broken> {
  const until = performance.now() + 5000;
  let best = broken;
  for (let piece = Math.ceil(best.input.length / 2); piece >= 1; piece = Math.floor(piece / 2)) {
    for (let at = 0; at < best.input.length && performance.now() < until;) {
      const input = Uint8Array.from([
        ...best.input.subarray(0, at),
        ...best.input.subarray(at + piece),
      ]);
      const { error } = await execute(target, input);
      if (error !== null && sort(error) === sort(best.error)) best = { input, error };
      else at += piece;
    }
  }
  return best;
}

function sort(error: unknown): string {
  return error instanceof Error ? `${error.name} ${error.message.replaceAll(/\d+/g, "#")}` : "";
}

/** Stays in the tree, and is tried first from then on. */
async function keep(target: Target, broken: Broken): Promise<Broken> {
  await Deno.mkdir(foundDirectory, { recursive: true });
  const print = fingerprint(broken.input).toString(16).padStart(8, "0");
  const name = `${slug(target)}-${print}.bin`;
  await Deno.writeFile(join(foundDirectory, name), broken.input);
  return broken;
}

async function found(target: Target): Promise<Uint8Array[]> {
  const inputs: Uint8Array[] = [];
  const exists = await Deno.stat(foundDirectory).catch(() => null);
  if (exists === null) return inputs;
  const names: string[] = [];
  for await (const { name } of Deno.readDir(foundDirectory)) names.push(name);
  for (const name of names.sort()) {
    if (!new RegExp(`^${slug(target)}-[0-9a-f]{8}\\.bin$`).test(name)) continue;
    inputs.push(await Deno.readFile(join(foundDirectory, name)));
  }
  return inputs;
}

function slug(target: Target): string {
  return target.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
}
