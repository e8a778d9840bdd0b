/** Cursors of SCAN over a cluster: each names its node, so any connection can go on with it. */
import { createHash } from "node:crypto";

/** Room for the node in a cursor; node cursors are far below 2^52. */
const tagsMax = 4096n;

/** A number for each node, 1 to 4095, the same for everybody who knows the same ids. */
export function tagsOf(ids: readonly string[]): ReadonlyMap<number, string> {
  const taken = new Map<number, string>();
  for (const id of [...ids].sort()) {
    const hash = createHash("sha1").update(id).digest();
    let tag = hash.readUInt16BE(0) % (Number(tagsMax) - 1) + 1;
    while (taken.has(tag)) tag = tag % (Number(tagsMax) - 1) + 1;
    taken.set(tag, id);
  }
  return new Map([...taken].sort(([a], [b]) => a - b));
}

export interface ScanPlace {
  readonly tag: number;
  /** The node's own cursor, in decimal digits. */
  readonly cursor: string;
}

/** Where a client's cursor leads; null where it is none. Of a node that left, the next one. */
export function placeOf(cursor: string, tags: Iterable<number>): ScanPlace | null {
  if (!/^\d{1,20}$/.test(cursor)) return null;
  const whole = BigInt(cursor);
  const tag = Number(whole % tagsMax);
  for (const known of tags) {
    if (known === tag) return { tag, cursor: String(whole / tagsMax) };
    if (known > tag) return { tag: known, cursor: "0" };
  }
  return { tag: 0, cursor: "0" };
}

/** The cursor that a client is given after a node said where to go on; "0" where all is seen. */
export function nextCursor({ tag }: ScanPlace, said: string, tags: Iterable<number>): string {
  if (said !== "0") return String(BigInt(said) * tagsMax + BigInt(tag));
  for (const other of tags) if (other > tag) return String(other);
  return "0";
}
