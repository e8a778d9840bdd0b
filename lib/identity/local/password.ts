/** Passwords: what may be one, how it is kept (Argon2id, RFC 9106), and how it is checked. */
import { Fault } from "../../core/fault.ts";
import type { Random } from "../../core/random.ts";

/** Derives a key from a password, away from the thread that serves. */
export interface Argon2 {
  derive(order: Argon2Order): Promise<Uint8Array>;
}

export interface Argon2Order {
  readonly password: string;
  readonly salt: Uint8Array;
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
  readonly length: number;
}

/** Hashes and checks; both wait in one bounded queue. */
export interface Passwords {
  /**
   * `$argon2id$v=19$m=...,t=...,p=...$salt$hash` for a password that {@linkcode checkPassword}
   * took.
   */
  hash(password: string): Promise<string>;
  /**
   * Whether it is the password of this hash. Null stands for an account that doesn't exist or has
   * no
   * password: it takes as long and is false.
   * @throws Fault `identity.busy` when too many wait
   */
  verify(password: string, hash: string | null): Promise<boolean>;
}

/** OWASP's second choice: 19 MiB, two passes, one lane. */
const parameters = { memoryKib: 19 * 1024, passes: 2, lanes: 1, length: 32 } as const;
const mostWaiting = 32;
const shortest = 12;
const longestBytes = 1024;

export function passwords(argon2: Argon2, random: Random): Passwords {
  let waiting = 0;
  const derive = async (order: Argon2Order): Promise<Uint8Array> => {
    if (waiting >= mostWaiting) throw busy();
    waiting++;
    try {
      return await argon2.derive(order);
    } finally {
      waiting--;
    }
  };
  const nobody: Parsed = { ...parameters, salt: random.bytes(16), hash: new Uint8Array(32) };
  return {
    async hash(password) {
      const salt = random.bytes(16);
      const hash = await derive({ ...parameters, password: normal(password), salt });
      const { memoryKib, passes, lanes } = parameters;
      const settings = `m=${memoryKib},t=${passes},p=${lanes}`;
      return `$argon2id$v=19$${settings}$${plainBase64(salt)}$${plainBase64(hash)}`;
    },
    async verify(password, text) {
      const kept = text === null ? null : parse(text);
      const { salt, hash, memoryKib, passes, lanes } = kept ?? nobody;
      const order = { salt, memoryKib, passes, lanes, length: hash.length };
      const fits = isPossible(password);
      const found = await derive({ ...order, password: fits ? normal(password) : "" });
      return sameBytes(found, hash) && kept !== null && fits;
    },
  };
}

/**
 * Refuses what is no good as a password: under 12 characters, over 1024 bytes, the user's name, one
 * character again and again. @throws Fault `identity.weak-password`
 */
export function checkPassword(password: string, user: string): void {
  const characters = [...normal(password)];
  const lower = password.toLowerCase();
  const why = !isPossible(password)
    ? `is longer than ${longestBytes} bytes or is no text`
    : characters.length < shortest
    ? `has fewer than ${shortest} characters`
    : new Set(characters).size < 4
    ? "repeats the same few characters"
    : lower.replaceAll(user.toLowerCase(), "").length < shortest / 2
    ? "is little more than the user name"
    : null;
  if (why === null) return;
  throw new Fault({
    kind: "invalid",
    code: "identity.weak-password",
    message: `the password ${why}`,
    shown: `the password ${why}`,
    hint: `choose at least ${shortest} characters; a few unrelated words do well`,
  });
}

/** The same password typed on another keyboard may come composed in another way. */
function normal(password: string): string {
  return password.normalize("NFC");
}

function isPossible(password: string): boolean {
  return password.isWellFormed() && new TextEncoder().encode(password).length <= longestBytes;
}

interface Parsed {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

const form = /^\$argon2id\$v=19\$m=(\d{1,6}),t=(\d{1,2}),p=(\d)\$([^$]{11,88})\$([^$]{22,88})$/;

/** The parts of a stored hash; throws where it is none, for then the store is damaged. */
function parse(text: string): Parsed {
  const [, memory, passes, lanes, salt = "", hash = ""] = form.exec(text) ?? [];
  if (memory === undefined) {
    const message = "a stored password hash is not one of Argon2id";
    throw new Fault({ kind: "internal", code: "identity.bad-hash", message });
  }
  return {
    memoryKib: Number(memory),
    passes: Number(passes),
    lanes: Number(lanes),
    salt: Uint8Array.fromBase64(salt),
    hash: Uint8Array.fromBase64(hash),
  };
}

function plainBase64(bytes: Uint8Array): string {
  return bytes.toBase64({ omitPadding: true });
}

/** Compares in a time that depends on the length alone. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

function busy(): Fault {
  return new Fault({
    kind: "limit",
    code: "identity.busy",
    message: `more than ${mostWaiting} password checks are waiting`,
    shown: "too many logins at this moment, try again in a few seconds",
  });
}
