/** The live sessions of this agent: found by cancel key, ended when they may not go on. */
import { isConnectionId } from "../core/connection_id.ts";
import type { Random } from "../core/random.ts";
import type { CancelKey, ConnectionNumber, Refusal } from "../wire/protocol.ts";
import type { Grant, Place } from "./authorize.ts";
import type { Connected } from "./connect.ts";
import type { Credentials } from "./credentials/mod.ts";
import { sessionsMax } from "./limits.ts";
import type { SessionRecord } from "./record.ts";
import type { DatabaseTarget } from "./targets.ts";

export interface LiveSession {
  readonly grant: Grant;
  readonly place: Place;
  readonly record: SessionRecord;
  readonly credentials: Credentials;
  readonly address: Connected["address"];
  /** The key we gave to the client; null where the database gave none. */
  readonly key: CancelKey | null;
  /** The database's own. */
  readonly databaseKey: CancelKey | null;
  /** What the client knows its connection by, and the database; null where that isn't told. */
  readonly connectionId: number | null;
  readonly databaseConnection: number | null;
  /** Tells the client why and ends the session; `code` is for the audit log. */
  stop(refusal: Refusal, code?: string): void;
}

export class Sessions {
  readonly #number: number;
  readonly #random: Random;
  readonly #live = new Set<LiveSession>();
  readonly #byProcessId = new Map<number, LiveSession | null>();
  #empty: (() => void)[] = [];

  /** `number`: this agent's, the upper 16 bits of the process ids in its keys. */
  constructor(number: number, random: Random) {
    this.#number = number;
    this.#random = random;
  }

  get count(): number {
    return this.#live.size;
  }

  get isFull(): boolean {
    return this.#live.size >= sessionsMax;
  }

  [Symbol.iterator](): Iterator<LiveSession> {
    return [...this.#live][Symbol.iterator]();
  }

  /** A key for a session that is about to begin; its process id is taken until `remove`. */
  newKey(secretBytes: number): CancelKey {
    for (;;) {
      const [high = 0, low = 0] = this.#random.bytes(2);
      const processId = this.#number * 0x1_0000 + high * 0x100 + low;
      if (this.#byProcessId.has(processId)) continue;
      this.#byProcessId.set(processId, null);
      return { processId, secret: this.#random.bytes(secretBytes) };
    }
  }

  add(session: LiveSession): void {
    this.#live.add(session);
    if (session.key !== null) this.#byProcessId.set(session.key.processId, session);
  }

  remove(session: LiveSession): void {
    this.#live.delete(session);
    if (session.key !== null) this.#byProcessId.delete(session.key.processId);
    if (this.#live.size > 0) return;
    const waiting = this.#empty;
    this.#empty = [];
    for (const resolve of waiting) resolve();
  }

  /** The session of this very key; how long a wrong secret takes tells nothing of the right one. */
  find(key: CancelKey): LiveSession | null {
    const session = this.#byProcessId.get(key.processId >>> 0) ?? null;
    const secret = session?.key?.secret ?? new Uint8Array(key.secret.length);
    return isSame(secret, key.secret) ? session : null;
  }

  /** What the database knows a connection by that a client knows by `id`. */
  connectionOf(target: DatabaseTarget, id: number): ConnectionNumber {
    if (!isConnectionId(id)) return null;
    for (const { grant, connectionId, databaseConnection } of this.#live) {
      if (connectionId === id && grant.target === target) {
        return databaseConnection ?? "unknown";
      }
    }
    return "unknown";
  }

  /** Resolves once there is none. */
  whenEmpty(): Promise<void> {
    if (this.#live.size === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#empty.push(resolve);
    return promise;
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
