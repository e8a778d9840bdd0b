import { type ResourceKind, resources } from "../api/resources.ts";
import { Fault } from "../core/fault.ts";

/** Other words for a kind, as people type them. */
const aliases: Readonly<Record<string, ResourceKind>> = {
  roles: "role",
  users: "user",
  tokens: "token",
  dbs: "db",
  database: "db",
  databases: "db",
  locks: "lock",
  agents: "agent",
  proxies: "proxy",
  cert_authorities: "cert_authority",
  ca: "cert_authority",
  cas: "cert_authority",
};

/** `KIND` or `KIND/NAME`; a fault `admin.unknown-kind` names the known ones. */
export function readRef(
  text: string,
): { readonly kind: ResourceKind; readonly name: string | null } {
  const at = text.indexOf("/");
  const word = at < 0 ? text : text.slice(0, at);
  const kind = isKind(word) ? word : Object.hasOwn(aliases, word) ? aliases[word] : undefined;
  if (kind === undefined) {
    throw new Fault({
      kind: "invalid",
      code: "admin.unknown-kind",
      message: "there is no such kind of resource",
      hint: `kinds are ${Object.keys(resources).join(", ")}`,
    });
  }
  const name = at < 0 ? null : text.slice(at + 1);
  if (name === "") throw noName(kind);
  return { kind, name };
}

/** `KIND/NAME`, both there. */
export function readFullRef(text: string): { readonly kind: ResourceKind; readonly name: string } {
  const { kind, name } = readRef(text);
  if (name === null) throw noName(kind);
  return { kind, name };
}

function noName(kind: ResourceKind): Fault {
  return new Fault({
    kind: "invalid",
    code: "admin.no-name",
    message: "a resource is named KIND/NAME",
    hint: `for example ${kind}/NAME; remoteler get ${kind} lists them`,
  });
}

export function isKind(word: string): word is ResourceKind {
  return Object.hasOwn(resources, word);
}
