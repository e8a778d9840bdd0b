/**
 * What a service knows of Auth's resources: fed by `watch`, read at once, kept while Auth is away.
 */
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Random } from "../core/random.ts";
import { asFault } from "../core/fault.ts";
import { backoff, fractionOf } from "../core/retry.ts";
import type { AuthClient } from "./contract.ts";
import type { Resource, ResourceKind, ResourceOf } from "./resources.ts";

/** A resource that came, changed or went (`resource` is null). */
export interface ResourceChange {
  readonly kind: ResourceKind;
  readonly name: string;
  readonly resource: Resource | null;
}

export interface ResourceCache {
  /** Resolves when everything was heard once; rejects when the cache is closed before. */
  readonly ready: Promise<void>;
  get<K extends ResourceKind>(kind: K, name: string): ResourceOf<K> | null;
  list<K extends ResourceKind>(kind: K): readonly ResourceOf<K>[];
  /**
   * Calls `listener` after each change of what is known, also of what was missed while Auth was
   * away; not for the first filling. Gives what ends it.
   */
  onChange(listener: (change: ResourceChange) => void): () => void;
  /** Whether nothing was heard from Auth for longer than this. */
  stale(ms: number): boolean;
  /** Ends the watching; what is known stays readable. */
  close(): Promise<void>;
}

export interface ResourceCacheOptions {
  readonly client: Pick<AuthClient, "stream">;
  readonly kinds: readonly ResourceKind[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Starts watching at once, and again with a growing pause whenever the watch ends. */
export function startResourceCache(options: ResourceCacheOptions): ResourceCache {
  const cache = new WatchingCache(options);
  cache.start();
  return cache;
}

/** By kind and name: whoever asks for locks isn't shown a thousand agents. */
class Known {
  readonly #kinds = new Map<ResourceKind, Map<string, Resource>>();

  get(kind: ResourceKind, name: string): Resource | undefined {
    return this.#kinds.get(kind)?.get(name);
  }

  list(kind: ResourceKind): Iterable<Resource> {
    return this.#kinds.get(kind)?.values() ?? [];
  }

  *all(): Generator<Resource> {
    for (const resources of this.#kinds.values()) yield* resources.values();
  }

  put(resource: Resource): void {
    const { kind, metadata: { name } } = resource;
    const resources = this.#kinds.get(kind) ?? new Map<string, Resource>();
    this.#kinds.set(kind, resources);
    resources.set(name, resource);
  }

  remove(kind: ResourceKind, name: string): void {
    this.#kinds.get(kind)?.delete(name);
  }
}

class WatchingCache implements ResourceCache {
  readonly ready: Promise<void>;
  readonly #isReady: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly #options: ResourceCacheOptions;
  readonly #listeners = new Set<(change: ResourceChange) => void>();
  readonly #stop = new AbortController();
  #known: Known = new Known();
  #filled = false;
  /** Null while connected and told everything. */
  #lostAt: number | null;
  #running: Promise<void> = Promise.resolve();

  constructor(options: ResourceCacheOptions) {
    this.#options = options;
    this.#lostAt = options.clock.monotonic();
    this.ready = this.#isReady.promise;
    // Whoever waits for it sees the rejection; nobody has to.
    this.ready.catch(() => {});
  }

  start(): void {
    this.#running = this.#run();
  }

  get<K extends ResourceKind>(kind: K, name: string): ResourceOf<K> | null {
    const resource = this.#known.get(kind, name);
    return resource !== undefined && isOf(resource, kind) ? resource : null;
  }

  list<K extends ResourceKind>(kind: K): readonly ResourceOf<K>[] {
    const found: ResourceOf<K>[] = [];
    for (const resource of this.#known.list(kind)) if (isOf(resource, kind)) found.push(resource);
    return found;
  }

  onChange(listener: (change: ResourceChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  stale(ms: number): boolean {
    return this.#lostAt !== null && this.#options.clock.monotonic() - this.#lostAt > ms;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#isReady.reject(new Error("the resource cache was closed"));
  }

  async #run(): Promise<void> {
    const { clock, random, log } = this.#options;
    const { signal } = this.#stop;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.#watchOnce(() => (attempt = 0));
      } catch (thrown) {
        if (signal.aborted) return;
        const { kind, code } = asFault(thrown);
        log.warn("watching resources failed", { kind, code, attempt });
      }
      this.#lostAt ??= clock.monotonic();
      const pause = backoff(attempt, fractionOf(random.bytes(4)));
      await clock.sleep(pause, signal).catch(() => {});
    }
  }

  async #watchOnce(succeeded: () => void): Promise<void> {
    const { client, kinds } = this.#options;
    const fresh = new Known();
    let caughtUp = false;
    for await (const change of client.stream("watch", { kinds: [...kinds] }, this.#stop.signal)) {
      if (change.type === "ready") {
        caughtUp = true;
        succeeded();
        this.#replace(fresh);
        this.#lostAt = null;
        this.#isReady.resolve();
        continue;
      }
      const known = caughtUp ? this.#known : fresh;
      if (change.type === "put") {
        const { resource } = change;
        const { name } = resource.metadata;
        known.put(resource);
        if (caughtUp) this.#tell({ kind: resource.kind, name, resource });
      } else {
        const { kind, name } = change;
        known.remove(kind, name);
        if (caughtUp) this.#tell({ kind, name, resource: null });
      }
    }
  }

  /** Takes a whole new picture and tells what differs from the one before. */
  #replace(fresh: Known): void {
    const before = this.#known;
    this.#known = fresh;
    if (!this.#filled) {
      this.#filled = true;
      return;
    }
    for (const resource of fresh.all()) {
      const { kind, metadata: { name } } = resource;
      const old = before.get(kind, name);
      if (old !== undefined && JSON.stringify(old) === JSON.stringify(resource)) continue;
      this.#tell({ kind, name, resource });
    }
    for (const { kind, metadata: { name } } of before.all()) {
      if (fresh.get(kind, name) === undefined) this.#tell({ kind, name, resource: null });
    }
  }

  #tell(change: ResourceChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function isOf<K extends ResourceKind>(resource: Resource, kind: K): resource is ResourceOf<K> {
  return resource.kind === kind;
}
