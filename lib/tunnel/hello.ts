import { Fault } from "../core/fault.ts";
import { helloBytesMax } from "./frame.ts";
import { fieldsOf, integerOf, listOf, parseRecord, recordOf, textOf } from "./record.ts";

/** What an agent says of itself; what it may serve is told by its certificate, not by this. */
export interface AgentHello {
  readonly v: 1;
  /** Host UUID. */
  readonly host: string;
  /** The 16-bit number given at join that stands in cancel keys, 1 to 32767. */
  readonly number: number;
  readonly version: string;
  readonly services: readonly ServiceOffer[];
}

export interface ServiceOffer {
  readonly name: string;
  readonly protocol: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What a proxy says of itself. */
export interface ProxyHello {
  readonly v: 1;
  readonly host: string;
  readonly cluster: string;
  readonly version: string;
}

/** What a client's program says of itself. */
export interface ClientHello {
  readonly v: 1;
  readonly version: string;
}

const nameCharsMax = 256;
const servicesMax = 1024;
const labelsMax = 64;

export function encodeHello(hello: AgentHello | ProxyHello | ClientHello): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(hello));
  if (body.length <= helloBytesMax) return body;
  throw new Fault({
    kind: "limit",
    code: "tunnel.hello-large",
    message: `HELLO of ${body.length} bytes, at most ${helloBytesMax}: too many services or labels`,
  });
}

/** Fields that are not known are ignored, so that a newer peer may say more. */
export function decodeAgentHello(body: Uint8Array): AgentHello {
  const record = parseRecord(body, "HELLO");
  versionOf(record);
  return {
    v: 1,
    host: textOf(record, "host", nameCharsMax),
    number: integerOf(record, "number", { min: 1, max: 32767 }),
    version: textOf(record, "version", nameCharsMax),
    services: listOf(record, "services", servicesMax).map(serviceOf),
  };
}

export function decodeProxyHello(body: Uint8Array): ProxyHello {
  const record = parseRecord(body, "HELLO");
  versionOf(record);
  return {
    v: 1,
    host: textOf(record, "host", nameCharsMax),
    cluster: textOf(record, "cluster", nameCharsMax),
    version: textOf(record, "version", nameCharsMax),
  };
}

export function decodeClientHello(body: Uint8Array): ClientHello {
  const record = parseRecord(body, "HELLO");
  versionOf(record);
  return { v: 1, version: textOf(record, "version", nameCharsMax) };
}

function serviceOf(value: unknown): ServiceOffer {
  const record = recordOf(value, "services");
  const labels: [string, string][] = [];
  const given = recordOf(record["labels"], "labels");
  for (const key of fieldsOf(given, "labels", labelsMax)) {
    labels.push([key, textOf(given, key, nameCharsMax)]);
  }
  return {
    name: textOf(record, "name", nameCharsMax),
    protocol: textOf(record, "protocol", nameCharsMax),
    // From entries, so that a label named __proto__ is a label and nothing else.
    labels: Object.fromEntries(labels),
  };
}

function versionOf(record: Readonly<Record<string, unknown>>): void {
  integerOf(record, "v", { min: 1, max: 1 });
}
