/** What went wrong with a step of a test, and what an administrator can do about it. */
import { type Certificate, commonName, oids, parseCertificate } from "../ca/mod.ts";
import { type EpochMs, rfc3339 } from "../core/clock.ts";
import { asFault, Fault } from "../core/fault.ts";
import { UpstreamRefused } from "../wire/upstream_refused.ts";
import { WireError } from "../wire/wire_error.ts";
import { reasonOf } from "./connect.ts";
import type { DatabaseTarget } from "./targets.ts";

export interface Told {
  readonly found: string;
  /** Null where nothing has to be done. */
  readonly hint: string | null;
}

const seeLog = "look at the database's log";

/** Whatever a step threw, in words. */
export function explain(thrown: unknown, { protocol }: DatabaseTarget): Told {
  if (thrown instanceof UpstreamRefused) {
    const { message, code } = thrown;
    return { found: `${message} (${code})`, hint: protocol.trial.advice(code) ?? seeLog };
  }
  if (thrown instanceof WireError) {
    const found = `it does not speak ${protocol.name} as it should: ${thrown.messageName}`;
    return { found, hint: "see that a database of that protocol listens there (uri, protocol)" };
  }
  if (isBug(thrown)) {
    return { found: "a mistake of ours", hint: "look at the agent's log, and report it" };
  }
  const fault = asFault(thrown);
  const isOuter = fault.code === "db.unreachable" || fault.code === "db.tls";
  const isForUsers = fault.code === "db.too-slow" || isOfAuth(fault);
  const found = isForUsers ? fault.shown : reasonOf(isOuter ? fault.cause : fault);
  return { found, hint: hintFor(fault) };
}

/** Nothing that a database, a network or Auth did. */
export function isBug(thrown: unknown): boolean {
  if (thrown instanceof UpstreamRefused || thrown instanceof WireError) return false;
  return asFault(thrown).code === "core.unexpected";
}

/** What Auth answered has its words for users; everything else is told to administrators. */
function isOfAuth({ code }: Fault): boolean {
  return /^(auth|api|access|ca)\./.test(code);
}

const hints: Readonly<Record<string, string>> = {
  ECONNREFUSED: "see that the database runs and listens at this address and port (uri)",
  ETIMEDOUT: "see that no firewall stands between the agent and the database",
  EHOSTUNREACH: "see that the agent's network has a way to the database",
  ENETUNREACH: "see that the agent's network has a way to the database",
  ENOTFOUND: "correct the host in uri, or the agent's name service",
  EAI_AGAIN: "see that the agent's name service answers",
};

function hintFor(fault: Fault): string | null {
  const cause = fault.cause instanceof Fault ? fault.cause : fault;
  const errno = cause.fields["errno"];
  const known = typeof errno === "string" && Object.hasOwn(hints, errno) ? hints[errno] : undefined;
  if (known !== undefined) return known;
  if (fault.code === "db.too-slow") return "see the load of the database, and the network to it";
  if (fault.code === "db.tls") return seeLog;
  return fault.hint ?? (fault.kind === "network" ? seeLog : null);
}

/** A certificate that a database showed, as far as it can be read. */
export interface ShownCertificate {
  readonly names: string;
  readonly issuer: string;
  readonly notBefore: EpochMs;
  readonly notAfter: EpochMs;
}

/** The database's own certificate; null where it showed none or one that can't be read. */
export function readShown([leaf]: readonly Uint8Array[]): ShownCertificate | null {
  if (leaf === undefined) return null;
  let certificate: Certificate;
  try {
    certificate = parseCertificate(leaf);
  } catch {
    return null;
  }
  const { issuer, notBefore, notAfter } = certificate;
  const by = issuer.attributes.flatMap(({ type, value }) =>
    type === oids.serialNumber || value === null ? [] : [value]
  );
  return { names: namesOf(certificate), issuer: by.join(", "), notBefore, notAfter };
}

const namesShownMax = 5;

function namesOf({ altNames, subject }: Certificate): string {
  const names = altNames.flatMap(({ type, value }) =>
    type === "dns" ? [value] : type === "ip" ? [addressOf(value)] : []
  );
  if (names.length === 0) return commonName(subject) ?? "no name";
  const more = names.length > namesShownMax ? ", ..." : "";
  return names.slice(0, namesShownMax).join(", ") + more;
}

/** Four bytes in hex as IPv4, sixteen as IPv6. */
function addressOf(hex: string): string {
  if (hex.length === 8) return [...Uint8Array.fromHex(hex)].join(".");
  return hex.replace(/(.{4})(?=.)/g, "$1:");
}

const dayMs = 86_400_000;
const soonMs = 14 * dayMs;
const renew = "give the database a new certificate; remoteler auth sign makes one";

/** A certificate that was taken: whose, by whom, and how long it still holds. */
export function describeTaken(shown: ShownCertificate | null, now: EpochMs, mode: string): Told {
  if (shown === null) return { found: `${mode}: it holds`, hint: null };
  const leftMs = shown.notAfter - now;
  const left = leftMs < dayMs
    ? `${Math.max(0, Math.floor(leftMs / 3_600_000))} hours left`
    : `${Math.floor(leftMs / dayMs)} days left`;
  const found = `${mode}: for ${shown.names}, by ${shown.issuer}, ${left}`;
  return { found, hint: leftMs < soonMs ? `it ends soon: ${renew}` : null };
}

/** A certificate that was refused: why, and which setting or which certificate is to be changed. */
export function describeRefused(
  thrown: unknown,
  shown: ShownCertificate | null,
  target: DatabaseTarget,
  now: EpochMs,
): Told {
  if (shown === null || !(thrown instanceof Fault) || thrown.code !== "db.tls") {
    return explain(thrown, target);
  }
  const { names, issuer, notBefore, notAfter } = shown;
  if (now >= notAfter) {
    return { found: `its certificate is expired, since ${rfc3339(notAfter)}`, hint: renew };
  }
  if (now < notBefore) {
    const hint = "set the clocks right";
    return { found: `its certificate is not valid before ${rfc3339(notBefore)}`, hint };
  }
  const cause = thrown.cause instanceof Fault ? thrown.cause : thrown;
  if (cause.fields["errno"] === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return {
      found: `its certificate is for another name: for ${names}, wanted is ${target.serverName}`,
      hint: `set tls.server_name to a name it is for, or ${renew}`,
    };
  }
  if (cause.code === "db.untrusted" || ofUnknownCas.has(String(cause.fields["errno"]))) {
    return {
      found: `its certificate is by an unknown CA: by ${issuer}`,
      hint: "set tls.ca_cert_file to that CA's PEM, if it is to be trusted",
    };
  }
  return explain(thrown, target);
}

/** What the runtime says of a chain that leads to nobody it trusts. */
const ofUnknownCas: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);
