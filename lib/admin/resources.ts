import type { AuthClient } from "../api/contract.ts";
import type { Resource, ResourceKind, ResourceOf } from "../api/resources.ts";
import { Fault } from "../core/fault.ts";

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
