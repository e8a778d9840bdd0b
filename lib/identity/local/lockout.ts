/**
 * Failed logins are counted for each user name, also for names that nobody has, so that nothing
 * tells the two apart. Each attempt is counted before it is tried: attempts side by side gain
 * nothing.
 */
import type { Backend, Key } from "../../core/backend.ts";
import type { Clock, EpochMs } from "../../core/clock.ts";
import { Fault } from "../../core/fault.ts";
import { read, v } from "../../schema/mod.ts";

const freeFailures = 5;
const firstLockMs = 30_000;
const longestLockMs = 20 * 60_000;
const forgottenAfterMs = 60 * 60_000;
const maxRounds = 20;

const state = v.strictObject({ failures: v.number(), until: v.number() });

/** Where the count of a name is kept. */
function keyOf(user: string): Key {
  return ["login_attempts", user];
}

/** How long nobody may try after this many failures in a row; 0 for the first few. */
export function lockMs(failures: number): number {
  if (failures < freeFailures) return 0;
  return Math.min(longestLockMs, firstLockMs * 2 ** Math.min(failures - freeFailures, 30));
}

export interface Attempt {
  /** Failures in a row, this attempt among them until it is cleared. */
  readonly failures: number;
  /** When the next attempt is taken, if this one fails; null where at once. */
  readonly lockedUntil: EpochMs | null;
}

export interface Lockout {
  /** Counts an attempt as failed. @throws Fault `identity.locked-out` while the name is locked */
  begin(user: string): Promise<Attempt>;
  /** The attempt was right after all, or the password was set anew. */
  clear(user: string): Promise<void>;
}

export function lockout(backend: Backend, clock: Clock): Lockout {
  return {
    async begin(user) {
      const key = keyOf(user);
      for (let round = 0; round < maxRounds; round++) {
        const now = clock.now();
        const entry = await backend.get(key);
        const before = entry === null ? { failures: 0, until: 0 } : parse(entry.value);
        if (before.until > now) throw lockedOut(user, before.until - now);
        const failures = before.failures + 1;
        const until = now + lockMs(failures);
        const value = new TextEncoder().encode(JSON.stringify({ failures, until }));
        const { ok } = await backend.commit({
          checks: [{ key, revision: entry?.revision ?? null }],
          puts: [{ key, value, expires: until + forgottenAfterMs }],
        });
        if (ok) return { failures, lockedUntil: until > now ? until : null };
      }
      throw lockedOut(user, firstLockMs);
    },
    async clear(user) {
      await backend.commit({ deletes: [keyOf(user)] });
    },
  };
}

function parse(value: Uint8Array): v.InferOutput<typeof state> {
  const json: unknown = JSON.parse(new TextDecoder().decode(value));
  return read(state, json, "login attempts");
}

function lockedOut(user: string, remainingMs: number): Fault {
  const seconds = Math.ceil(remainingMs / 1000);
  return new Fault({
    kind: "limit",
    code: "identity.locked-out",
    message: `too many failed logins of ${user}, locked for another ${seconds} s`,
    shown: `too many failed logins, try again in ${seconds} s`,
    fields: { seconds },
  });
}
