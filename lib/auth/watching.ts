/** The call `watch`: everything there is of some kinds, then every change. Nothing secret. */
import type { CallRequest, WatchChange } from "../api/contract.ts";
import type { ResourceKind } from "../api/resources.ts";
import { listAll } from "../backend/mod.ts";
import type { Change, Entry, Revision } from "../core/backend.ts";
import { type Core, invalid } from "./powers.ts";
import { merged } from "./merged.ts";
import { decodeResource, resourcePrefix, type StoredKind } from "./store.ts";

/**
 * Kinds that services may watch; tokens are nobody's but Auth's, databases come with their agents.
 */
const watchable = [
  "role",
  "user",
  "lock",
  "agent",
  "proxy",
] as const satisfies readonly StoredKind[];
type Watchable = (typeof watchable)[number];

/** Ends with the backend's fault when the reader falls behind; the reader starts over. */
export async function* watchResources(
  core: Core,
  input: CallRequest<"watch">,
  signal: AbortSignal,
): AsyncGenerator<WatchChange> {
  const kinds = new Set<ResourceKind>(input.kinds);
  for (const kind of kinds) {
    if (kind !== "cert_authority" && !isWatchable(kind)) {
      throw invalid("auth.not-watchable", `${kind} is not to be watched`);
    }
  }
  const stored = watchable.filter((kind) => kinds.has(kind));
  const seen = new Seen();
  // Of these kinds alone: a thousand agents must not wake up for each other's heartbeats.
  const watches = stored.map((kind) =>
    core.backend.watch([...resourcePrefix, kind], signal)[Symbol.asyncIterator]()
  );
  try {
    // What changes from here on is heard; so nothing falls between the listing and the changes.
    for (const watch of watches) await watch.next();
    if (kinds.has("cert_authority")) {
      for (const resource of core.authorities.resources()) yield { type: "put", resource };
    }
    for (const kind of stored) {
      for await (const entry of listAll(core.backend, [...resourcePrefix, kind])) {
        const put = seen.put(kind, entry);
        if (put !== null) yield put;
      }
    }
    yield { type: "ready" };
    for await (const value of merged(watches, signal)) {
      const change = seen.change(value, stored);
      if (change !== null) yield change;
    }
  } finally {
    for (const watch of watches) await watch.return?.();
  }
}

function isWatchable(kind: ResourceKind): kind is Watchable {
  return watchable.some((one) => one === kind);
}

/** What a reader knows already: old news, and leases that were only renewed, are not told again. */
class Seen {
  readonly #revisions = new Map<string, Revision>();
  readonly #leases = new Map<string, string>();

  change(change: Change, kinds: readonly Watchable[]): WatchChange | null {
    if (change.type === "ready") return null;
    const [, kindName = "", name = ""] = change.type === "put" ? change.entry.key : change.key;
    const kind = kinds.find((one) => one === kindName);
    if (kind === undefined) return null;
    return change.type === "put"
      ? this.put(kind, change.entry)
      : this.#gone(kind, name, change.revision);
  }

  put(kind: Watchable, entry: Entry): WatchChange | null {
    const name = entry.key[2] ?? "";
    if (!this.#isNews(kind, name, entry.revision)) return null;
    const resource = decodeResource(kind, entry);
    if (resource.kind === "agent" || resource.kind === "proxy") {
      const content = JSON.stringify(resource.spec);
      if (this.#leases.get(`${kind}/${name}`) === content) return null;
      this.#leases.set(`${kind}/${name}`, content);
    }
    return { type: "put", resource };
  }

  #gone(kind: Watchable, name: string, revision: Revision): WatchChange | null {
    if (!this.#isNews(kind, name, revision)) return null;
    this.#leases.delete(`${kind}/${name}`);
    return { type: "delete", kind, name };
  }

  #isNews(kind: Watchable, name: string, revision: Revision): boolean {
    const key = `${kind}/${name}`;
    const known = this.#revisions.get(key);
    if (known !== undefined && revision <= known) return false;
    this.#revisions.set(key, revision);
    return true;
  }
}
