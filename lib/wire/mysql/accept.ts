import type { Greeting, Handshake, Opening, Startup } from "../protocol.ts";
import { asBytes } from "../reply.ts";
import { isKnownMethod } from "./auth.ts";
import { both } from "./capabilities.ts";
import { greetingOf, lawful, type Offer, offerOf } from "./greeting.ts";
import { limits } from "./limits.ts";
import { HEADER, measurePacket, packet, wireError } from "./packet.ts";
import { first } from "./replies.ts";
import { type HandshakeResponse, readResponse } from "./response.ts";

/**
 * Server side of the start, inside TLS or a tunnel. The client is known by its certificate: what it
 * says of a password is not looked at.
 */
export function* accept(greeting?: Greeting): Handshake<Opening> {
  if (greeting === undefined) throw new TypeError("MySQL's server speaks first: no greeting");
  if (!greeting.said) yield { do: "send", bytes: greetingOf(greeting, false) };
  const whole = asBytes(
    yield { do: "frame", measure: measurePacket, maxBytes: limits.loginBytes },
  );
  const sequence = whole[3] ?? 0;
  const expected = greeting.said ? 2 : 1;
  if (sequence !== expected) {
    throw wireError("unexpected", "HandshakeResponse", `packet number ${sequence}`);
  }
  const offer = offerOf(greeting);
  const response = readResponse(whole.subarray(HEADER), offer.flags);
  if (!waitsForSwitch(response.plugin)) {
    return { kind: "startup", startup: startupOf(response, offer, sequence + 1) };
  }
  yield { do: "send", bytes: switchTo(OLD_PLUGIN, greeting.nonce, sequence + 1) };
  const answer = asBytes(
    yield { do: "frame", measure: measurePacket, maxBytes: limits.loginBytes },
  );
  if (answer[3] !== sequence + 2) {
    throw wireError("unexpected", "AuthSwitchResponse", `packet number ${answer[3]}`);
  }
  return { kind: "startup", startup: startupOf(response, offer, sequence + 3) };
}

const OLD_PLUGIN = "mysql_native_password";

/**
 * A client that can't do as it was greeted names the old method, or none that there is (libmariadb,
 * while another thread loads what it needs), and waits to be asked: to an OK it may answer as to a
 * nonce.
 */
function waitsForSwitch(plugin: string): boolean {
  return plugin === OLD_PLUGIN || (plugin !== "" && !isKnownMethod(plugin));
}

/** AuthSwitchRequest. */
function switchTo(plugin: string, nonce: Uint8Array, sequence: number): Uint8Array {
  return packet(sequence, (out) => out.u8(first.eof).cstring(plugin).bytes(lawful(nonce)).u8(0));
}

function startupOf(response: HandshakeResponse, { extended }: Offer, sequence: number): Startup {
  const { user, database, attributes, proof, plugin } = response;
  if (user === "") throw wireError("malformed", "HandshakeResponse", "no user");
  // One byte of zero is how an empty password is told by some plugins.
  const isProved = proof.length > 1 || (proof[0] ?? 0) !== 0;
  return {
    user,
    database: database === "" ? null : database,
    parameters: attributes,
    clientProgram: programOf(attributes),
    replication: false,
    version: "10",
    sequence,
    abilities: {
      flags: response.flags,
      extended: both(response.extended, extended),
      collation: response.collation,
      packetBytesMax: response.packetBytesMax,
      proof: isProved ? plugin : "",
    },
  };
}

function programOf(attributes: ReadonlyMap<string, string>): string {
  const named = attributes.get("program_name");
  if (named !== undefined && named !== "") return named;
  const library = attributes.get("_client_name") ?? "";
  const version = attributes.get("_client_version") ?? "";
  return `${library} ${version}`.trim();
}
