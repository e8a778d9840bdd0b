/** Kinds of fields that several sections share. */
import { durationMs } from "../core/duration.ts";
import { v } from "../schema/mod.ts";

/** A network address; the host of an IPv6 address has no brackets. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `host:port` or `[v6]:port`; null where it is neither. */
export function readAddress(given: string): Address | null {
  const found = given.match(/^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253})):(\d{1,5})$/);
  const host = found?.[1] ?? found?.[2];
  const port = Number(found?.[3]);
  return host === undefined || port > 65_535 ? null : { host, port };
}

/** `host:port` as it is written in the file and in URLs. */
export function writeAddress(address: Address): string {
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

const addressShape = /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253}):\d{1,5}$/;

/** A field `host:port`, read into an {@linkcode Address}. Port 0 is for listeners: any free one. */
export const address = v.pipe(
  v.string(),
  v.regex(addressShape, '"host:port"'),
  v.check((given) => readAddress(given) !== null, "a port from 0 to 65535"),
  v.transform((given): Address => readAddress(given) ?? { host: "", port: 0 }),
);

/** A field like `30s`, read into milliseconds. */
export const duration = v.pipe(
  v.string(),
  v.regex(/^(\d{1,9}(ms|s|m|h|d))+$/, 'a duration like "30s", "15m" or "12h"'),
  v.transform((given): number => durationMs(given) ?? 0),
);

export const path = v.pipe(v.string(), v.minLength(1, "a path"), v.maxLength(4096, "a path"));

export const name = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$/, "a name of letters, digits and ._@+-"),
);

export const clusterName = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/, "a name of lower case letters, digits, . and -"),
);

export const bytes = v.pipe(
  v.number(),
  v.safeInteger("a whole number of bytes"),
  v.minValue(1 << 20, "1048576 bytes or more"),
);

export const count = v.pipe(
  v.number(),
  v.safeInteger("a whole number"),
  v.minValue(1, "1 or more"),
);

/** One value or a list of them, read into a list. */
export function oneOrMany<const S extends v.GenericSchema<string, unknown>>(
  schema: S,
): v.GenericSchema<unknown, readonly v.InferOutput<S>[]> {
  return v.pipe(
    v.union([v.pipe(v.array(schema), v.maxLength(64, "a list of at most 64")), schema]),
    v.transform((given): readonly v.InferOutput<S>[] => Array.isArray(given) ? given : [given]),
  );
}
