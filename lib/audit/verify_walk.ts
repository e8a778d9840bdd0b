/** Walks along a chain, line by line, and says where it breaks and how. */
import { type Head, noHash, parseObject, type Sha256Hex } from "./chain.ts";
import type { VerifyProblem } from "./verify.ts";

export interface WalkOptions {
  readonly sha256: Sha256Hex;
  readonly report: (problem: VerifyProblem) => void;
  /** Signed heads by `seq`. */
  readonly heads: ReadonlyMap<number, readonly Head[]>;
  readonly firstSeq: number;
}

interface Link {
  readonly seq: number;
  readonly prev: string;
  readonly log: string;
  readonly hash: string;
  readonly file: string;
  readonly number: number;
}

export interface WalkEnd {
  readonly log: string;
  readonly lines: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly lastHash: string;
  readonly heads: number;
  readonly coveredSeq: number;
  readonly missed: number;
}

/** Lines kept in mind that stand in a wrong place. */
const misplacedMax = 1000;
const decoder = new TextDecoder();

export class ChainWalk {
  readonly #options: WalkOptions;
  #file = "";
  #number = 0;
  #lines = 0;
  #first = 0;
  #heads = 0;
  #covered = 0;
  #missed = 0;
  /** The last line that has its place in the chain. */
  #last: Link | null = null;
  /** A line with another number than is due; the one after it tells what happened. */
  #odd: Link | null = null;
  /**
   * Lines that stand where another number belongs, by that number: changed, or swapped from
   * afar.
   */
  readonly #misplaced = new Map<number, Link>();
  /** Unreadable lines since the last good one: they explain as many missing numbers. */
  #unreadable = 0;
  /** Whether the last line's own hash may be wrong, so that the next `prev` proves nothing. */
  #broken = false;

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  get place(): { readonly name: string; readonly number: number } {
    return { name: this.#file, number: this.#number };
  }

  file(name: string): void {
    this.#file = name;
    this.#number = 0;
  }

  line(bytes: Uint8Array): void {
    this.#number += 1;
    this.#lines += 1;
    const link = this.#read(bytes);
    if (link === null) {
      this.#unreadable += 1;
      this.#report("malformed", this.#file, this.#number, "the line is not an event of a log");
      return;
    }
    this.#follow(link);
  }

  end(): WalkEnd {
    if (this.#odd !== null) this.#resolveOdd(this.#odd);
    for (const [due, link] of this.#misplaced) {
      const message =
        `the line is not what was written: it says seq ${link.seq}, its place is ${due}`;
      this.#report("changed", link.file, link.number, message);
    }
    this.#headsBeyond();
    return {
      log: this.#last?.log ?? "",
      lines: this.#lines,
      firstSeq: this.#first,
      lastSeq: this.#last?.seq ?? 0,
      lastHash: this.#last?.hash ?? noHash,
      heads: this.#heads,
      coveredSeq: this.#covered,
      missed: this.#missed,
    };
  }

  #follow(link: Link): void {
    const odd = this.#odd;
    this.#odd = null;
    if (odd !== null) {
      const due = this.#expected;
      if (link.seq === due && odd.seq === due + 1) return this.#swapped(odd, link);
      if (link.seq === due) this.#superfluous(odd);
      else if (link.seq === due + 1 && link.seq !== odd.seq) this.#misplace(odd, due);
      else this.#resolveOdd(odd);
    }
    if (link.seq === this.#expected) this.#accept(link);
    else this.#odd = link;
  }

  /** What came after it doesn't explain it: numbers are missing, or it is one too many. */
  #resolveOdd(odd: Link): void {
    if (odd.seq > this.#expected) this.#missingBefore(odd);
    else this.#superfluous(odd);
  }

  /** The line stands where `due` belongs; the chain goes on behind it. */
  #misplace(link: Link, due: number): void {
    const other = this.#misplaced.get(link.seq);
    if (other?.seq === due) {
      this.#misplaced.delete(link.seq);
      const where = `${other.file} line ${other.number} and ${link.file} line ${link.number}`;
      const message = `seq ${other.seq} and seq ${link.seq} changed places: ${where}`;
      this.#report("swapped", other.file, other.number, message);
    } else if (this.#misplaced.size < misplacedMax) this.#misplaced.set(due, link);
    this.#take({ ...link, seq: due });
    this.#broken = true;
  }

  get #expected(): number {
    return this.#last === null ? this.#options.firstSeq : this.#last.seq + 1;
  }

  /** The line has the number that is due; does it name the line before? */
  #accept(link: Link): void {
    const last = this.#last;
    if (last !== null && link.log !== last.log) {
      this.#report("inserted", link.file, link.number, "the line is of another log");
      return;
    }
    const begins = link.seq === 1;
    const wanted = last?.hash ?? (begins ? noHash : null);
    if (wanted !== null && link.prev !== wanted && !this.#broken && this.#unreadable === 0) {
      this.#mismatch(last, link);
    }
    this.#take(link);
  }

  #mismatch(last: Link | null, link: Link): void {
    if (last === null) {
      this.#report("changed", link.file, link.number, "the first line names one before it");
      return;
    }
    const message =
      `the line (seq ${last.seq}) is not what was written: the hash in ${link.file} ` +
      `line ${link.number} is another`;
    this.#report("changed", last.file, last.number, message);
  }

  #take(link: Link): void {
    if (this.#last === null) this.#first = link.seq;
    this.#last = link;
    this.#broken = false;
    this.#unreadable = 0;
    for (const head of this.#options.heads.get(link.seq) ?? []) this.#compare(head, link);
  }

  #compare(head: Head, link: Link): void {
    if (head.hash === link.hash && head.log === link.log) {
      this.#heads += 1;
      this.#covered = link.seq;
      return;
    }
    const message = `the line (seq ${link.seq}) or one before it was rewritten: the head signed ` +
      `at ${head.time} is another`;
    this.#report("changed", link.file, link.number, message);
  }

  /** `odd` came, then the line that belongs before it. */
  #swapped(odd: Link, link: Link): void {
    const message =
      `seq ${odd.seq} comes before seq ${link.seq} (${link.file} line ${link.number})`;
    this.#report("swapped", odd.file, odd.number, message);
    this.#take(link);
    this.#take(odd);
  }

  #missingBefore(link: Link): void {
    const from = this.#expected;
    const count = link.seq - from;
    if (count === this.#unreadable) {
      this.#take(link);
      return;
    }
    const lines = count === 1
      ? `the line with seq ${from} is`
      : `lines with seq ${from} to ${link.seq - 1} are`;
    this.#report("missing", link.file, link.number, `${lines} missing ${this.#gap(link)}`);
    this.#take(link);
  }

  #gap(link: Link): string {
    const last = this.#last;
    if (last === null) return `before the first line of ${link.file}`;
    if (last.file === link.file) return `between line ${last.number} and line ${link.number}`;
    const from = `${last.file} line ${last.number}`;
    return `between ${from} and ${link.file} line ${link.number}: lines, or a whole file`;
  }

  /** A number that was there before. */
  #superfluous(link: Link): void {
    const last = this.#last;
    const twin = last !== null && last.seq === link.seq
      ? `: this line, or the one before it, was inserted`
      : "";
    this.#report("inserted", link.file, link.number, `seq ${link.seq} was there before${twin}`);
    // Whichever of the two is the true one, the next line names that one.
    if (twin !== "") this.#broken = true;
  }

  /** Heads that say there was more, or something else. */
  #headsBeyond(): void {
    const last = this.#last?.seq ?? 0;
    for (const [seq, heads] of this.#options.heads) {
      const head = heads[0];
      if (head === undefined || seq <= last) continue;
      const from = `lines with seq ${last + 1} to ${seq} are missing at the end`;
      const where = this.#last === null
        ? ""
        : `, after ${this.#last.file} line ${this.#last.number}`;
      const message = `${from}${where}: the head signed at ${head.time} has them, in ${head.file}`;
      this.#report("missing", this.#last?.file ?? head.file, this.#last?.number ?? 0, message);
    }
  }

  #read(bytes: Uint8Array): Link | null {
    const event = parseObject(decoder.decode(bytes));
    const { seq, prev, log } = { seq: 0, prev: 0, log: 0, ...event };
    if (typeof seq !== "number" || !Number.isSafeInteger(seq) || seq < 1) return null;
    if (typeof prev !== "string" || typeof log !== "string") return null;
    this.#missed += missedIn(event);
    const hash = this.#options.sha256(bytes);
    return { seq, prev, log, hash, file: this.#file, number: this.#number };
  }

  #report(kind: VerifyProblem["kind"], file: string, line: number, message: string): void {
    this.#options.report({ kind, file, line, message });
  }
}

/** Events of a spool that this line says have never come. */
function missedIn(event: Readonly<Record<string, unknown>> | null): number {
  if (event?.event !== "audit.spool.gap") return 0;
  return Math.max(0, Number(event.last) - Number(event.first) + 1) || 0;
}
