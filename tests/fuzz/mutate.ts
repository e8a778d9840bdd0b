/** Damage to inputs: what a peer that is broken, hostile or cut off could send. */
import { concat } from "../../lib/bytes/writer.ts";
import type { SeededRandom } from "../fakes/random.ts";

export interface Corpus {
  readonly inputs: readonly Uint8Array[];
  /** Pieces that mean something to the reader at hand, put in as they are. */
  readonly words: readonly Uint8Array[];
  /** Bytes that an input has at most. */
  readonly bytesMax: number;
}

/** One input of the corpus with one to six damages. */
export function mutate(corpus: Corpus, random: SeededRandom): Uint8Array {
  let bytes = pick(corpus.inputs, random).slice();
  // Mostly few: each further one makes it less likely that the reader gets far.
  const count = 1 + Math.floor(random.fraction() ** 2 * 6);
  for (let left = count; left > 0; left--) {
    bytes = pick(damages, random)(bytes, random, corpus).slice(0, corpus.bytesMax);
  }
  return bytes;
}

type Damage = (bytes: Uint8Array, random: SeededRandom, corpus: Corpus) => Uint8Array;

const damages: readonly Damage[] = [
  bitFlip,
  byteSet,
  byteSet,
  interesting,
  lengthField,
  lengthField,
  truncated,
  leftOut,
  doubled,
  repeated,
  inserted,
  spliced,
  moved,
  word,
];

function bitFlip(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const at = random.below(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  return bytes;
}

const edges = [0x00, 0x01, 0x0a, 0x0d, 0x20, 0x2c, 0x30, 0x3a, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff];

function byteSet(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  bytes[random.below(bytes.length)] = random.below(2) === 0
    ? random.below(256)
    : pick(edges, random);
  return bytes;
}

const numbers = [0, 1, 3, 4, 5, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x10000, 0xffffff];
const largest = [0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/** A number at the edge of what its width holds. */
function interesting(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const number = pick(random.below(2) === 0 ? numbers : largest, random);
  write(bytes, random.below(bytes.length), 1 + random.below(4), number);
  return bytes;
}

/** Finds a number that could be the length of what follows, and makes it wrong. */
function lengthField(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  for (let tries = 0; tries < 20; tries++) {
    const width = 1 + random.below(4);
    const at = random.below(bytes.length);
    const value = read(bytes, at, width);
    if (at + width > bytes.length || value === 0 || value > bytes.length - at) continue;
    const wrong = [value - 1, value + 1, 0, value * 2, bytes.length, pick(largest, random)];
    write(bytes, at, width, pick(wrong, random));
    break;
  }
  return bytes;
}

function truncated(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  return bytes.slice(0, random.below(bytes.length + 1));
}

function leftOut(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const [from, to] = range(bytes, random);
  return concat([bytes.subarray(0, from), bytes.subarray(to)]);
}

function doubled(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const [from, to] = range(bytes, random);
  return concat([bytes.subarray(0, to), bytes.subarray(from)]);
}

/** A short piece many times over: what is quadratic or worse in a reader shows. */
function repeated(bytes: Uint8Array, random: SeededRandom, corpus: Corpus): Uint8Array {
  const from = random.below(bytes.length);
  const piece = bytes.subarray(from, from + 1 + random.below(8));
  if (piece.length === 0) return bytes;
  const room = Math.max(1, corpus.bytesMax - bytes.length);
  const times = Math.ceil((1 + Math.floor(random.fraction() ** 8 * room)) / piece.length);
  const many = new Uint8Array(times * piece.length);
  many.set(piece);
  for (let held = piece.length; held < many.length; held *= 2) many.copyWithin(held, 0, held);
  return concat([bytes.subarray(0, from), many, bytes.subarray(from)]);
}

function inserted(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const at = random.below(bytes.length + 1);
  return concat([bytes.subarray(0, at), random.bytes(1 + random.below(8)), bytes.subarray(at)]);
}

/** The front of this one and the back of another. */
function spliced(bytes: Uint8Array, random: SeededRandom, corpus: Corpus): Uint8Array {
  const other = pick(corpus.inputs, random);
  const cut = random.below(bytes.length + 1);
  return concat([bytes.subarray(0, cut), other.subarray(random.below(other.length + 1))]);
}

function moved(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const [from, to] = range(bytes, random);
  return bytes.copyWithin(random.below(bytes.length + 1), from, to);
}

function word(bytes: Uint8Array, random: SeededRandom, corpus: Corpus): Uint8Array {
  if (corpus.words.length === 0) return bitFlip(bytes, random);
  const at = random.below(bytes.length + 1);
  const overwritten = random.below(2) * random.below(5);
  const piece = pick(corpus.words, random);
  return concat([bytes.subarray(0, at), piece, bytes.subarray(at + overwritten)]);
}

function range(bytes: Uint8Array, random: SeededRandom): [number, number] {
  const from = random.below(bytes.length + 1);
  const most = random.below(2) === 0 ? 16 : bytes.length;
  return [from, Math.min(bytes.length, from + random.below(most + 1))];
}

function read(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = 0; i < width; i++) value = value * 256 + (bytes[at + i] ?? 0);
  return value;
}

/** Big endian; what lies beyond the end is left out. */
function write(bytes: Uint8Array, at: number, width: number, value: number): void {
  for (let i = 0; i < width; i++) bytes[at + i] = Math.floor(value / 256 ** (width - 1 - i));
}

export function pick<T>(from: readonly T[], random: SeededRandom): T {
  const found = from[random.below(from.length)];
  if (found === undefined) throw new Error("Nothing to pick from");
  return found;
}

const piecesMax = 500;

/** Pieces of an input, cut at random places: sometimes byte by byte, sometimes whole. */
export function* cuts(bytes: Uint8Array, random: SeededRandom): Generator<Uint8Array> {
  const least = Math.ceil(bytes.length / piecesMax);
  const most = pick([1, 7, 100, 5000, bytes.length + 1], random);
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + least + random.below(most));
    yield bytes.slice(at, end);
    at = end;
  }
}
