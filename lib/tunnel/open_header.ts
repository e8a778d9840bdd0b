import { ByteReader, ShortInput } from "../bytes/reader.ts";
import { ByteWriter } from "../bytes/writer.ts";
import { openHeaderBytesMax } from "./frame.ts";
import {
  integerOf,
  type JsonRecord,
  malformed,
  onlyFields,
  optionalTextOf,
  parseRecord,
  recordOf,
  textOf,
} from "./record.ts";

/** What a proxy tells the agent when it opens a stream (spec.md, OPEN's header). */
export interface OpenHeader {
  readonly v: 1;
  /** A database session, one whose TLS ends at the agent, or a request to cancel a statement. */
  readonly kind: "db" | "tls" | "cancel";
  readonly service: string;
  /** The client's certificates, DER, leaf first: a claim that the agent verifies itself. */
  readonly chain: readonly Uint8Array[];
  /** `host:port` of the client as the proxy saw it. */
  readonly clientAddress: string;
  /** Host id of the proxy that the client came to. */
  readonly proxy: string;
  /** Host id of the proxy that passed the stream on, one hop at most. */
  readonly via?: string;
  /** Trace id, for logs and events. */
  readonly trace: string;
  /**
   * Only with kind "db": the client was greeted in the clear, and knows its connection by this
   * number.
   */
  readonly connectionId?: number;
  /** Only with kind "cancel": the key as the client sent it. */
  readonly cancelKey?: { readonly processId: number; readonly secret: Uint8Array };
}

const textCharsMax = 256;
const chainMax = 8;
const secretBytesMax = 256;
const known = new Set([
  "v",
  "kind",
  "service",
  "clientAddress",
  "proxy",
  "via",
  "trace",
  "connectionId",
  "cancelKey",
]);
const knownInKey = new Set(["processId", "secret"]);

/** Throws a Fault where the header is over 32 KiB: the client's chain is too long. */
export function encodeOpenHeader(header: OpenHeader): Uint8Array {
  const { chain, cancelKey, ...texts } = header;
  const json = JSON.stringify({
    ...texts,
    ...(cancelKey === undefined ? {} : {
      cancelKey: { processId: cancelKey.processId, secret: toHex(cancelKey.secret) },
    }),
  });
  const out = new ByteWriter(2048);
  const at = out.mark(2);
  out.utf8(json).patchU16be(at, out.length - 2).u8(chain.length);
  for (const certificate of chain) out.u16be(certificate.length).bytes(certificate);
  const bytes = out.finish();
  if (chain.length > chainMax || bytes.length > openHeaderBytesMax) {
    throw malformed(`OPEN header of ${bytes.length} bytes and ${chain.length} certificates`);
  }
  return bytes;
}

/** Strict: an unknown field, a missing one, or a byte too many is refused with a Fault. */
export function decodeOpenHeader(bytes: Uint8Array): OpenHeader {
  try {
    return decode(new ByteReader(bytes));
  } catch (thrown) {
    if (thrown instanceof ShortInput) throw malformed("OPEN header is cut short");
    throw thrown;
  }
}

function decode(reader: ByteReader): OpenHeader {
  const record = parseRecord(reader.bytes(reader.u16be()), "OPEN header");
  const count = reader.u8();
  if (count > chainMax) throw malformed(`OPEN header has more than ${chainMax} certificates`);
  const chain: Uint8Array[] = [];
  for (let i = 0; i < count; i++) chain.push(reader.bytes(reader.u16be()));
  if (reader.left > 0) throw malformed("OPEN header is followed by more bytes");
  onlyFields(record, known, "OPEN header");
  integerOf(record, "v", { min: 1, max: 1 });
  const kind = kindOf(record);
  const via = optionalTextOf(record, "via", textCharsMax);
  const cancelKey = kind === "cancel" ? cancelKeyOf(record) : undefined;
  if (kind !== "cancel" && Object.hasOwn(record, "cancelKey")) {
    throw malformed("cancelKey stands only with the kind cancel");
  }
  const connectionId = Object.hasOwn(record, "connectionId")
    ? integerOf(record, "connectionId", { min: 1, max: 0xffff_ffff })
    : undefined;
  if (kind !== "db" && connectionId !== undefined) {
    throw malformed("connectionId stands only with the kind db");
  }
  if (kind === "db" && chain.length === 0) throw malformed("OPEN header has no certificate");
  if (kind === "tls" && chain.length > 0) throw malformed("certificates stand not with kind tls");
  return {
    v: 1,
    kind,
    service: textOf(record, "service", textCharsMax),
    chain,
    clientAddress: textOf(record, "clientAddress", textCharsMax),
    proxy: textOf(record, "proxy", textCharsMax),
    trace: textOf(record, "trace", textCharsMax),
    ...(via === undefined ? {} : { via }),
    ...(connectionId === undefined ? {} : { connectionId }),
    ...(cancelKey === undefined ? {} : { cancelKey }),
  };
}

function kindOf(record: JsonRecord): OpenHeader["kind"] {
  const kind = textOf(record, "kind", 16);
  if (kind === "db" || kind === "tls" || kind === "cancel") return kind;
  throw malformed("kind should be db, tls or cancel");
}

function cancelKeyOf(record: JsonRecord): { processId: number; secret: Uint8Array } {
  const key = recordOf(record["cancelKey"], "cancelKey");
  onlyFields(key, knownInKey, "cancelKey");
  const hex = textOf(key, "secret", secretBytesMax * 2);
  if (hex.length % 2 !== 0 || !/^[0-9a-f]*$/.test(hex)) throw malformed("secret should be hex");
  const secret = Uint8Array.from(
    { length: hex.length / 2 },
    (_, i) => parseInt(hex.slice(2 * i, 2 * i + 2), 16),
  );
  return {
    processId: integerOf(key, "processId", { min: -0x8000_0000, max: 0xffff_ffff }),
    secret,
  };
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
