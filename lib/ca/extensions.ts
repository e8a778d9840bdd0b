/** The standard extensions of X.509 v3 that this project issues and reads (RFC 5280 §4.2.1). */
import { Fault } from "../core/fault.ts";
import {
  derFault,
  DerReader,
  inside,
  readBits,
  readBoolean,
  readOid,
  readSmall,
  readUtf8,
  readWhole,
  tags,
} from "./der.ts";
import { boolean, implicit, namedBits, octets, oid, sequence, small } from "./der_build.ts";
import { oids } from "./oids.ts";

export const maxExtensions = 32;
const maxAltNames = 256;

export interface Extension {
  readonly critical: boolean;
  /** The content of the octet string, to be read as DER by who knows the OID. */
  readonly value: Uint8Array;
}

export interface BasicConstraints {
  readonly ca: boolean;
  readonly pathLength: number | null;
}

/** A subject alternative name; IP addresses are 4 or 16 raw bytes in lower-case hex. */
export type AltName =
  | { readonly type: "dns" | "email" | "uri"; readonly value: string }
  | { readonly type: "ip"; readonly value: string }
  | { readonly type: "other"; readonly value: null };

/** Names of key usage bits by their number. */
export const keyUsages = [
  "digitalSignature",
  "contentCommitment",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
] as const;
export type KeyUsage = (typeof keyUsages)[number];

/** Reads `Extensions`; an OID that comes twice is refused. */
export function readExtensions(list: DerReader): ReadonlyMap<string, Extension> {
  const found = new Map<string, Extension>();
  if (list.done) throw derFault("empty extensions", list.offset);
  while (!list.done) {
    const one = list.enter(tags.sequence);
    const id = readOid(one.read(tags.oid));
    const flag = one.optional(tags.boolean);
    const critical = flag !== null && readBoolean(flag);
    if (flag !== null && !critical) throw derFault("default value written out", flag.offset);
    const value = one.read(tags.octetString).body;
    one.end();
    if (found.has(id)) throw derFault("extension twice", list.offset);
    if (found.size === maxExtensions) throw derFault("too many extensions", list.offset);
    found.set(id, { critical, value });
  }
  return found;
}

export function readBasicConstraints(value: Uint8Array): BasicConstraints {
  const reader = inside(readWhole(value, tags.sequence));
  const flag = reader.optional(tags.boolean);
  const ca = flag !== null && readBoolean(flag);
  if (flag !== null && !ca) throw derFault("default value written out", flag.offset);
  const limit = reader.optional(tags.integer);
  reader.end();
  if (limit !== null && !ca) throw derFault("path length without CA", limit.offset);
  return { ca, pathLength: limit === null ? null : readSmall(limit, 255) };
}

export function readKeyUsage(value: Uint8Array): ReadonlySet<KeyUsage> {
  const element = readWhole(value, tags.bitString);
  const { bytes, unused } = readBits(element);
  const last = bytes.at(-1) ?? 0;
  if (bytes.length === 0 || bytes.length > 2 || ((last >> unused) & 1) === 0) {
    throw derFault("key usage not canonical", element.offset);
  }
  const usages = new Set<KeyUsage>();
  for (const [n, usage] of keyUsages.entries()) {
    if (((bytes[n >> 3] ?? 0) & (0x80 >> (n & 7))) !== 0) usages.add(usage);
  }
  return usages;
}

export function readExtendedKeyUsage(value: Uint8Array): readonly string[] {
  const reader = inside(readWhole(value, tags.sequence));
  const usages: string[] = [];
  do usages.push(readOid(reader.read(tags.oid))); while (!reader.done && usages.length < 32);
  reader.end();
  return usages;
}

export function readAltNames(value: Uint8Array): readonly AltName[] {
  const reader = inside(readWhole(value, tags.sequence));
  const names: AltName[] = [];
  do {
    const element = reader.read();
    const type = altNameTags[element.tag];
    if (type !== undefined) names.push({ type, value: readUtf8(element) });
    else if (element.tag === 0x87) {
      if (element.body.length !== 4 && element.body.length !== 16) {
        throw derFault("address size", element.offset);
      }
      names.push({ type: "ip", value: element.body.toHex() });
    } else names.push({ type: "other", value: null });
  } while (!reader.done && names.length < maxAltNames);
  reader.end();
  return names;
}

const altNameTags: Readonly<Record<number, "dns" | "email" | "uri">> = {
  0x81: "email",
  0x82: "dns",
  0x86: "uri",
};

export function readSubjectKeyId(value: Uint8Array): Uint8Array {
  return readWhole(value, tags.octetString).body;
}

/** The key identifier; issuer and serial, where present, are passed over. */
export function readAuthorityKeyId(value: Uint8Array): Uint8Array | null {
  const reader = inside(readWhole(value, tags.sequence));
  const id = reader.optional(0x80);
  while (!reader.done) reader.read();
  return id?.body ?? null;
}

/** One `Extension` around the DER of its value. */
export function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return critical
    ? sequence(oid(id), boolean(true), octets(value))
    : sequence(oid(id), octets(value));
}

export function basicConstraints(constraints: BasicConstraints): Uint8Array {
  const parts = constraints.ca ? [boolean(true)] : [];
  if (constraints.pathLength !== null) parts.push(small(constraints.pathLength));
  return extension(oids.basicConstraints, true, sequence(...parts));
}

export function keyUsage(...usages: readonly KeyUsage[]): Uint8Array {
  return extension(oids.keyUsage, true, namedBits(usages.map((u) => keyUsages.indexOf(u))));
}

export function extendedKeyUsage(...usages: readonly string[]): Uint8Array {
  return extension(oids.extendedKeyUsage, false, sequence(...usages.map(oid)));
}

export function subjectKeyId(id: Uint8Array): Uint8Array {
  return extension(oids.subjectKeyId, false, octets(id));
}

export function authorityKeyId(id: Uint8Array): Uint8Array {
  return extension(oids.authorityKeyId, false, sequence(implicit(0, id)));
}

/** DNS names and IP addresses as clients write them; each is checked and kept once. */
export function subjectAltNames(names: readonly string[]): Uint8Array {
  if (names.length > maxAltNames) throw badHostName(names.length);
  const parts = [...new Set(names)].map(altName);
  return extension(oids.subjectAltName, false, sequence(...parts));
}

const encoder = new TextEncoder();
const dnsLabel = /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/** Labels of letters, digits, - and _; the first may be a `*` before at least two others. */
function isDnsName(name: string): boolean {
  const labels = name.split(".");
  const plain = labels[0] === "*" && labels.length > 2 ? labels.slice(1) : labels;
  return name.length <= 253 && plain.every((label) => dnsLabel.test(label));
}

function altName(name: string): Uint8Array {
  const address = addressBytes(name);
  if (address !== null) return implicit(7, address);
  if (!isDnsName(name)) throw badHostName(name.length);
  return implicit(2, encoder.encode(name));
}

function badHostName(length: number): Fault {
  return new Fault({
    kind: "invalid",
    code: "ca.bad-host-name",
    message: "a host certificate can't hold this name: neither a DNS name nor an IP address",
    shown: "a name for the certificate is neither a DNS name nor an IP address",
    fields: { length },
  });
}

/**
 * The 4 or 16 bytes of an IP address (an IPv6 one may stand in brackets), null for anything else.
 */
export function addressBytes(text: string): Uint8Array | null {
  const four = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (four) {
    const bytes = four.slice(1).map(Number);
    return bytes.every((b) => b < 256) ? Uint8Array.from(bytes) : null;
  }
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  if (!/^[0-9A-Fa-f:.]+$/.test(bare) || !bare.includes(":")) return null;
  return sixteenBytes(bare);
}

/** RFC 4291 §2.2: at most one `::`, the last 32 bits may be dotted. */
function sixteenBytes(text: string): Uint8Array | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head = [], tail = []] = halves.map((half, i) =>
    half === "" ? [] : groups(half, i === halves.length - 1)
  );
  if (head === null || tail === null) return null;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return null;
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

function groups(half: string, isLast: boolean): number[] | null {
  const bytes: number[] = [];
  const parts = half.split(":");
  for (const [i, part] of parts.entries()) {
    if (isLast && i === parts.length - 1 && part.includes(".")) {
      const four = addressBytes(part);
      if (four === null) return null;
      bytes.push(...four);
    } else if (/^[0-9A-Fa-f]{1,4}$/.test(part)) {
      const value = Number.parseInt(part, 16);
      bytes.push(value >> 8, value & 0xff);
    } else return null;
  }
  return bytes.length <= 16 ? bytes : null;
}
