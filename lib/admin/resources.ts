import type { AuthClient } from "../api/contract.ts";
import { type Resource, type ResourceKind, type ResourceOf, resources } from "../api/resources.ts";
import { Fault } from "../core/fault.ts";
import { read, SchemaError } from "../schema/mod.ts";
import { isKind } from "./names.ts";

/** All resources of a kind, typed as it. */
export async function listOf<K extends ResourceKind>(
  auth: AuthClient,
  kind: K,
  signal: AbortSignal,
): Promise<readonly ResourceOf<K>[]> {
  const { resources } = await auth.call("resources.list", { kind }, signal);
  return resources.filter((resource) => isOf(resource, kind));
}

/** One resource, typed as its kind. */
export async function getOf<K extends ResourceKind>(
  auth: AuthClient,
  kind: K,
  name: string,
  signal: AbortSignal,
): Promise<ResourceOf<K>> {
  const { resource } = await auth.call("resources.get", { kind, name }, signal);
  if (isOf(resource, kind)) return resource;
  throw new Fault({
    kind: "protocol",
    code: "admin.other-kind",
    message: `asked for a ${kind}, got a ${resource.kind}`,
  });
}

function isOf<K extends ResourceKind>(resource: Resource, kind: K): resource is ResourceOf<K> {
  return resource.kind === kind;
}

/**
 * A resource as people write it; checked here too, so that a mistake in the second document stops
 * the first.
 */
export function readResource(document: unknown, index: number): Resource {
  const kind = document instanceof Object && "kind" in document ? String(document.kind) : "";
  if (!isKind(kind)) {
    throw badResource(
      `document ${index + 1}: kind should be one of ${Object.keys(resources).join(", ")}`,
    );
  }
  try {
    return read(resources[kind], document, `document ${index + 1}`);
  } catch (thrown) {
    if (thrown instanceof SchemaError) throw badResource(thrown.message);
    throw thrown;
  }
}

export function badResource(message: string): Fault {
  return new Fault({
    kind: "invalid",
    code: "admin.bad-resource",
    message,
    hint: "remoteler get KIND/NAME --format=yaml shows how one looks",
  });
}
