/**
 * A small regular expression: parsed to a program of states, run by stepping all states at once
 * (Thompson, 1968).
 */

/** One state: takes a character, or splits in two without taking any, or is the end. */
type State =
  | { readonly kind: "take"; readonly accepts: (code: number) => boolean; next: number }
  | { readonly kind: "split"; first: number; second: number }
  | { readonly kind: "end" };

export interface Program {
  readonly states: readonly State[];
  readonly start: number;
}

/**
 * A piece of the program under construction: where it starts, and the exits to be joined to what
 * follows.
 */
interface Piece {
  readonly start: number;
  readonly exits: readonly ((to: number) => void)[];
}

const mostStates = 1024;
const deepestGroup = 32;
const special = new Set(["^", "$", "{", "}", "]", "*", "+", "?"]);
const escapable = /^[\^$.*+?()[\]{}|\\/\-_@ ]$/;

/** Thrown inside {@linkcode Parser} only; never leaves this file. */
class Unsupported extends Error {}

export class Parser {
  readonly #text: readonly string[];
  readonly #states: State[] = [];
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = Array.from(text);
  }

  /** The program, or why there is none, as words that follow the pattern's name. */
  parse(): Program | string {
    try {
      const piece = this.#alternatives();
      if (this.#at < this.#text.length) throw new Unsupported("has a ) too many");
      const end = this.#add({ kind: "end" });
      for (const exit of piece.exits) exit(end);
      return { states: this.#states, start: piece.start };
    } catch (thrown) {
      if (thrown instanceof Unsupported) return thrown.message;
      throw thrown;
    }
  }

  #add(state: State): number {
    if (this.#states.length >= mostStates) throw new Unsupported("is too large");
    this.#states.push(state);
    return this.#states.length - 1;
  }

  #peek(): string | undefined {
    return this.#text[this.#at];
  }

  #alternatives(): Piece {
    let piece = this.#sequence();
    while (this.#peek() === "|") {
      this.#at++;
      const other = this.#sequence();
      const start = this.#add({ kind: "split", first: piece.start, second: other.start });
      piece = { start, exits: [...piece.exits, ...other.exits] };
    }
    return piece;
  }

  #sequence(): Piece {
    let whole: Piece | null = null;
    for (let c = this.#peek(); c !== undefined && c !== "|" && c !== ")"; c = this.#peek()) {
      const part = this.#repeated();
      if (whole === null) {
        whole = part;
      } else {
        for (const exit of whole.exits) exit(part.start);
        whole = { start: whole.start, exits: part.exits };
      }
    }
    return whole ?? this.#nothing();
  }

  /** An empty alternative: a split whose two ways lead to the same place. */
  #nothing(): Piece {
    const state = { kind: "split" as const, first: -1, second: -1 };
    const start = this.#add(state);
    return { start, exits: [(to) => (state.first = state.second = to)] };
  }

  #repeated(): Piece {
    const piece = this.#single();
    const sign = this.#peek();
    if (sign !== "*" && sign !== "+" && sign !== "?") return piece;
    this.#at++;
    const after = this.#peek();
    if (after === "*" || after === "+" || after === "?") {
      throw new Unsupported("has two repeat signs in a row");
    }
    const split = { kind: "split" as const, first: piece.start, second: -1 };
    const at = this.#add(split);
    const leave = (to: number) => (split.second = to);
    if (sign === "?") return { start: at, exits: [...piece.exits, leave] };
    for (const exit of piece.exits) exit(at);
    return { start: sign === "*" ? at : piece.start, exits: [leave] };
  }

  #single(): Piece {
    const c = this.#text[this.#at++] ?? "";
    if (c === "(") return this.#group();
    if (c === "[") return this.#take(this.#set());
    if (c === ".") return this.#take(() => true);
    if (c === "\\") return this.#take(is(this.#escaped()));
    if (special.has(c)) throw new Unsupported(`has a ${c} where it has no meaning here`);
    return this.#take(is(c));
  }

  #group(): Piece {
    if (this.#peek() === "?") throw new Unsupported("has (? which is not supported");
    if (++this.#depth > deepestGroup) throw new Unsupported("has groups too deep");
    const piece = this.#alternatives();
    if (this.#text[this.#at++] !== ")") throw new Unsupported("has a ( that is not closed");
    this.#depth--;
    return piece;
  }

  #escaped(): string {
    const c = this.#text[this.#at++] ?? "";
    if (!escapable.test(c)) {
      throw new Unsupported("has a \\ before something else than punctuation");
    }
    return c;
  }

  #set(): (code: number) => boolean {
    const negated = this.#peek() === "^";
    if (negated) this.#at++;
    const ranges: [number, number][] = [];
    for (;;) {
      const c = this.#text[this.#at++];
      if (c === undefined) throw new Unsupported("has a [ that is not closed");
      if (c === "]") break;
      if (c === "[") throw new Unsupported("has a [ inside [ ]");
      const low = code(c === "\\" ? this.#escaped() : c);
      ranges.push([low, this.#rangeEnd() ?? low]);
    }
    if (ranges.length === 0) throw new Unsupported("has an empty [ ]");
    if (ranges.some(([low, high]) => high < low)) throw new Unsupported("has a range upside down");
    return (x) => ranges.some(([low, high]) => x >= low && x <= high) !== negated;
  }

  /** After one character of a set: the upper end, where a `-` and another character follow. */
  #rangeEnd(): number | null {
    const c = this.#text[this.#at + 1];
    if (this.#peek() !== "-" || c === undefined || c === "]") return null;
    this.#at += 2;
    return code(c === "\\" ? this.#escaped() : c);
  }

  #take(accepts: (code: number) => boolean): Piece {
    const state = { kind: "take" as const, accepts, next: -1 };
    return { start: this.#add(state), exits: [(to) => (state.next = to)] };
  }
}

function code(c: string): number {
  return c.codePointAt(0) ?? 0;
}

function is(c: string): (code: number) => boolean {
  const wanted = code(c);
  return (x) => x === wanted;
}

/** Whether the whole of `text` is matched; at most one visit of each state for each character. */
export function run(program: Program, text: string): boolean {
  const { states } = program;
  let now = reach(states, [program.start]);
  for (const c of text) {
    if (now.size === 0) return false;
    const x = code(c);
    const next: number[] = [];
    for (const at of now) {
      const state = states[at];
      if (state?.kind === "take" && state.accepts(x)) next.push(state.next);
    }
    now = reach(states, next);
  }
  for (const at of now) if (states[at]?.kind === "end") return true;
  return false;
}

/** All states that can be reached from these without taking a character. */
function reach(states: readonly State[], from: readonly number[]): Set<number> {
  const seen = new Set<number>();
  const open = [...from];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const state = states[at];
    if (state?.kind === "split") open.push(state.first, state.second);
  }
  return seen;
}
