/** Resources in the backend: `resource/<kind>/<name>`, JSON, read back through their schema. */
import { type Resource, type ResourceKind, type ResourceOf, resources } from "../api/resources.ts";
import { listAll } from "../backend/mod.ts";
import type { Backend, Commit, Entry, Key, Revision } from "../core/backend.ts";
import { rfc3339 } from "../core/clock.ts";
import { read } from "../schema/mod.ts";
import { Decoded } from "./decoded.ts";
import { decodeJson, encodeJson } from "./powers.ts";

/**
 * Kinds that are kept as they are; databases come from heartbeats, authorities from their own
 * room.
 */
export type StoredKind = Exclude<ResourceKind, "db" | "cert_authority">;

/** All that may be shown is under this prefix; what is secret never is. */
export const resourcePrefix: Key = ["resource"];

export interface Stored<K extends StoredKind> {
  readonly resource: ResourceOf<K>;
  readonly revision: Revision;
}

export function resourceKey(kind: StoredKind, name: string): Key {
  return [...resourcePrefix, kind, name];
}

/** The entry's resource with its revision in the metadata. */
export function decodeResource<K extends ResourceKind>(kind: K, entry: Entry): ResourceOf<K> {
  const resource = read(resources[kind], decodeJson(entry.value), `stored ${kind}`);
  return { ...resource, metadata: metadataOf(resource, entry) };
}

/** What only the entry itself knows: its revision, and when a lease ends. */
function metadataOf({ metadata }: Resource, { revision, expires }: Entry): Resource["metadata"] {
  const ends = metadata.expires ?? (expires === null ? undefined : rfc3339(expires));
  return {
    ...metadata,
    ...(ends === undefined ? {} : { expires: ends }),
    revision: String(revision),
  };
}

export class ResourceStore {
  readonly #backend: Backend;
  readonly #lists = new Map<StoredKind, Decoded<Resource>>();

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async get<K extends StoredKind>(kind: K, name: string): Promise<Stored<K> | null> {
    const entry = await this.#backend.get(resourceKey(kind, name));
    if (entry === null) return null;
    return { resource: decodeResource(kind, entry), revision: entry.revision };
  }

  async all<K extends StoredKind>(kind: K): Promise<readonly ResourceOf<K>[]> {
    const found: ResourceOf<K>[] = [];
    for (const { entry, decoded } of await this.#listOf(kind).all(this.#backend)) {
      if (!isOf(decoded, kind)) continue;
      found.push({ ...decoded, metadata: metadataOf(decoded, entry) });
    }
    return found;
  }

  /** What those of a kind say; the same objects for as long as they say the same. */
  async specs<K extends StoredKind>(kind: K): Promise<readonly ResourceOf<K>["spec"][]> {
    const found: ResourceOf<K>["spec"][] = [];
    for (const { decoded } of await this.#listOf(kind).all(this.#backend)) {
      if (isOf(decoded, kind)) found.push(decoded.spec);
    }
    return found;
  }

  #listOf(kind: StoredKind): Decoded<Resource> {
    const known = this.#lists.get(kind);
    if (known !== undefined) return known;
    const made = new Decoded<Resource>(
      [...resourcePrefix, kind],
      ({ value }) => read(resources[kind], decodeJson(value), `stored ${kind}`),
    );
    this.#lists.set(kind, made);
    return made;
  }

  async count(kind: StoredKind): Promise<number> {
    let count = 0;
    for await (const _entry of listAll(this.#backend, [...resourcePrefix, kind])) count++;
    return count;
  }

  /**
   * Writes it where the one in force still has this revision (null: where there is none), together
   * with what else has to land; false where something changed meanwhile.
   */
  async put(
    resource: Resource & { kind: StoredKind },
    revision: Revision | null,
    also: Commit = {},
  ): Promise<boolean> {
    const key = resourceKey(resource.kind, resource.metadata.name);
    const { ok } = await this.#backend.commit({
      checks: [{ key, revision }, ...(also.checks ?? [])],
      puts: [putOf(resource), ...(also.puts ?? [])],
      ...(also.deletes === undefined ? {} : { deletes: also.deletes }),
    });
    return ok;
  }

  async remove(
    kind: StoredKind,
    name: string,
    revision: Revision,
    alsoDelete: readonly Key[] = [],
  ): Promise<boolean> {
    const key = resourceKey(kind, name);
    const { ok } = await this.#backend.commit({
      checks: [{ key, revision }],
      deletes: [key, ...alsoDelete],
    });
    return ok;
  }
}

function isOf<K extends ResourceKind>(resource: Resource, kind: K): resource is ResourceOf<K> {
  return resource.kind === kind;
}

/**
 * The write of a resource; it is gone when it expires. Its revision is the store's own to say, and
 * the end of a lease as well: so renewing it leaves its bytes as they were.
 */
export function putOf(resource: Resource & { kind: StoredKind }): NonNullable<Commit["puts"]>[0] {
  const { name, labels, expires } = resource.metadata;
  const isLease = resource.kind === "agent" || resource.kind === "proxy";
  const metadata = expires === undefined || isLease ? { name, labels } : { name, labels, expires };
  const { kind, version, spec } = resource;
  const value = encodeJson({ kind, version, metadata, spec });
  const key = resourceKey(kind, name);
  return expires === undefined ? { key, value } : { key, value, expires: Date.parse(expires) };
}
