/**
 * The identity extension: the one place in a certificate that says who holds it (DESIGN: trust).
 * OID `oids.identity`, not critical, a DER UTF8String of JSON of 16 KiB at most, in the exact form
 * that {@linkcode encodeIdentity} writes: no unknown or repeated fields, no other order, no spaces.
 */
import { Fault } from "../core/fault.ts";
import type { HostIdentity, Identity, Route, SystemRole, UserIdentity } from "../core/identity.ts";
import { readUtf8, readWhole, tags } from "./der.ts";
import { utf8 } from "./der_build.ts";
import { extension } from "./extensions.ts";
import { oids } from "./oids.ts";

export const maxIdentityBytes = 16 * 1024;

/** The JSON text, fields in the order of the documentation; absent options are left out. */
export function encodeIdentity(identity: Identity): string {
  return JSON.stringify(identity.kind === "host" ? hostFields(identity) : userFields(identity));
}

/** The `Extension` element; throws a Fault `ca.identity-too-large` over 16 KiB. */
export function identityExtension(identity: Identity): Uint8Array {
  const text = encodeIdentity(identity);
  if (readIdentityText(text) === null) {
    throw new TypeError("an identity that its own reader refuses was to be issued");
  }
  const value = utf8(text);
  if (value.length > maxIdentityBytes + 4) {
    throw new Fault({
      kind: "limit",
      code: "ca.identity-too-large",
      message: `the identity has ${value.length} bytes, a certificate holds ${maxIdentityBytes}`,
      shown: "your roles and traits don't fit into a certificate (16 KiB)",
      hint: "ask an administrator to cut down roles or traits",
      fields: { bytes: value.length },
    });
  }
  return extension(oids.identity, false, value);
}

/** Reads the extension's value; null for anything that isn't exactly an identity. */
export function readIdentity(value: Uint8Array): Identity | null {
  const element = readWhole(value, tags.utf8String);
  if (element.body.length > maxIdentityBytes) return null;
  return readIdentityText(readUtf8(element));
}

function readIdentityText(text: string): Identity | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  const identity = identityFrom(json);
  // One writer, one form: this also refuses repeated, unknown and reordered fields.
  return identity !== null && encodeIdentity(identity) === text ? identity : null;
}

function hostFields(identity: HostIdentity): HostIdentity {
  const { v, cluster, kind, host, systemRoles, services } = identity;
  return { v, cluster, kind, host, systemRoles, services };
}

function userFields(identity: UserIdentity): UserIdentity {
  const { v, cluster, kind, user, roles, traits, generation, loginIp, session, issuer } = identity;
  return {
    ...{ v, cluster, kind, user, roles, traits, generation },
    ...(identity.route && { route: routeFields(identity.route) }),
    ...(identity.mfa && { mfa: { device: identity.mfa.device, at: identity.mfa.at } }),
    ...{ loginIp, session, issuer },
  };
}

function routeFields(route: Route): Route {
  return {
    service: route.service,
    protocol: route.protocol,
    ...(route.user !== undefined && { user: route.user }),
    ...(route.database !== undefined && { database: route.database }),
  };
}

function identityFrom(json: unknown): Identity | null {
  const fields = record(json);
  if (fields === null || fields.get("v") !== 1) return null;
  const cluster = name(fields.get("cluster"));
  if (cluster === null) return null;
  return fields.get("kind") === "host" ? hostFrom(fields, cluster) : userFrom(fields, cluster);
}

function hostFrom(fields: Fields, cluster: string): HostIdentity | null {
  const host = name(fields.get("host"));
  const roles = texts(fields.get("systemRoles"));
  const services = texts(fields.get("services"));
  if (host === null || roles === null || services === null) return null;
  const systemRoles = roles.filter(isSystemRole);
  if (systemRoles.length !== roles.length) return null;
  return { v: 1, cluster, kind: "host", host, systemRoles, services };
}

function userFrom(fields: Fields, cluster: string): UserIdentity | null {
  const kind = fields.get("kind");
  if (kind !== "human" && kind !== "bot") return null;
  const user = name(fields.get("user"));
  const roles = texts(fields.get("roles"));
  const traits = traitsFrom(fields.get("traits"));
  const generation = fields.get("generation");
  const [loginIp, session, issuer] = ["loginIp", "session", "issuer"].map((f) =>
    text(fields.get(f))
  );
  if (user === null || roles === null || traits === null) return null;
  if (typeof generation !== "number" || !Number.isSafeInteger(generation) || generation < 0) {
    return null;
  }
  if (typeof loginIp !== "string" || typeof session !== "string" || typeof issuer !== "string") {
    return null;
  }
  const route = fields.has("route") ? routeFrom(fields.get("route")) : undefined;
  const mfa = fields.has("mfa") ? mfaFrom(fields.get("mfa")) : undefined;
  if (route === null || mfa === null) return null;
  return {
    ...{ v: 1, cluster, kind, user, roles, traits, generation },
    ...(route && { route }),
    ...(mfa && { mfa }),
    ...{ loginIp, session, issuer },
  };
}

function routeFrom(json: unknown): Route | null {
  const fields = record(json);
  const service = name(fields?.get("service"));
  const protocol = name(fields?.get("protocol"));
  if (fields === null || service === null || protocol === null) return null;
  const user = fields.has("user") ? name(fields.get("user")) : undefined;
  const database = fields.has("database") ? name(fields.get("database")) : undefined;
  if (user === null || database === null) return null;
  return {
    service,
    protocol,
    ...(user !== undefined && { user }),
    ...(database !== undefined && { database }),
  };
}

function mfaFrom(json: unknown): { device: string; at: string } | null {
  const fields = record(json);
  const device = name(fields?.get("device"));
  const at = name(fields?.get("at"));
  return device === null || at === null ? null : { device, at };
}

function traitsFrom(json: unknown): Readonly<Record<string, readonly string[]>> | null {
  const fields = record(json);
  if (fields === null) return null;
  const traits: [string, readonly string[]][] = [];
  for (const [key, value] of fields) {
    const values = texts(value);
    if (values === null) return null;
    traits.push([key, values]);
  }
  // fromEntries defines own fields, also one called __proto__.
  return Object.fromEntries(traits);
}

type Fields = ReadonlyMap<string, unknown>;

function record(json: unknown): Fields | null {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return null;
  return new Map(Object.entries(json));
}

function text(json: unknown): string | null {
  return typeof json === "string" ? json : null;
}

/** A text that isn't empty and holds no control characters. */
function name(json: unknown): string | null {
  return typeof json === "string" && json !== "" && !/\p{Cc}/u.test(json) ? json : null;
}

function texts(json: unknown): readonly string[] | null {
  if (!Array.isArray(json)) return null;
  const all: readonly unknown[] = json;
  const found = all.filter((one) => typeof one === "string");
  return found.length === all.length ? found : null;
}

function isSystemRole(role: string): role is SystemRole {
  return role === "auth" || role === "proxy" || role === "db";
}
