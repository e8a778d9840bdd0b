/** Distinguished names (RFC 5280 §4.1.2.4): read into attributes, compared by their raw bytes. */
import { Fault } from "../core/fault.ts";
import { derFault, DerReader, inside, readOid, readUtf8, tags } from "./der.ts";
import type { DerElement } from "./der.ts";
import { oid, printable, sequence, set, utf8 } from "./der_build.ts";
import { oids } from "./oids.ts";

/** ub-common-name and ub-organization-name of RFC 5280 appendix A.1, in characters. */
export const maxNameLength = 64;
const maxAttributes = 32;

export interface NameAttribute {
  readonly type: string;
  /** Null where the string type is one that nothing made today uses (T61String, BMPString, ...). */
  readonly value: string | null;
}

export interface DistinguishedName {
  /** The whole Name element; equal names have equal bytes here. */
  readonly raw: Uint8Array;
  readonly attributes: readonly NameAttribute[];
}

export function readName(element: DerElement): DistinguishedName {
  const attributes: NameAttribute[] = [];
  const names = inside(element);
  while (!names.done) {
    const group = names.enter(tags.set);
    if (group.done) throw derFault("empty relative name", group.offset);
    while (!group.done) {
      if (attributes.length === maxAttributes) throw derFault("name too long", group.offset);
      attributes.push(readAttribute(group.enter(tags.sequence)));
    }
  }
  return { raw: element.raw, attributes };
}

function readAttribute(reader: DerReader): NameAttribute {
  const type = readOid(reader.read(tags.oid));
  const value = reader.read();
  reader.end();
  const isText = value.tag === tags.utf8String || value.tag === tags.printableString ||
    value.tag === tags.ia5String;
  return { type, value: isText ? readUtf8(value) : null };
}

/** The first common name, for words to people; never a source of identity. */
export function commonName(name: DistinguishedName): string | null {
  return name.attributes.find((a) => a.type === oids.commonName)?.value ?? null;
}

/** What a name of ours holds; `serial` tells CAs of one type apart while they rotate. */
export interface NameParts {
  readonly organization?: string;
  readonly common: string;
  readonly serial?: string;
}

/** Builds O, CN, serialNumber. Texts go in as they are, whatever characters they hold. */
export function buildName(parts: NameParts): Uint8Array {
  const groups: Uint8Array[] = [];
  if (parts.organization !== undefined) {
    groups.push(attribute(oids.organization, utf8(cutName(parts.organization))));
  }
  groups.push(attribute(oids.commonName, utf8(checkName(parts.common))));
  if (parts.serial !== undefined) {
    groups.push(attribute(oids.serialNumber, printable(parts.serial)));
  }
  return sequence(...groups);
}

/** The first 64 characters: for names that other software prints and nobody reads back. */
export function cutName(text: string): string {
  return [...text].slice(0, maxNameLength).join("");
}

/**
 * Refuses what no name may hold: nothing, over 64 characters, control characters (NUL above all).
 */
function checkName(text: string): string {
  const length = [...text].length;
  if (length === 0 || length > maxNameLength) {
    throw nameFault(`must have 1 to ${maxNameLength} characters`, length);
  }
  if (/\p{Cc}|\p{Cs}/u.test(text)) throw nameFault("must hold no control characters", length);
  return text;
}

function nameFault(rule: string, length: number): Fault {
  return new Fault({
    kind: "invalid",
    code: "ca.bad-name",
    message: `a name in a certificate ${rule}`,
    shown: `a name in a certificate ${rule}`,
    fields: { length },
  });
}

function attribute(type: string, value: Uint8Array): Uint8Array {
  return set(sequence(oid(type), value));
}
