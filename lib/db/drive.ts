/** The only place where handshake scripts meet streams. */
import { Fault } from "../core/fault.ts";
import { PullReader } from "../core/pull.ts";
import type { ByteStream } from "../core/stream.ts";
import type { Handshake, Reply, Step } from "../wire/protocol.ts";

type StepOf<K extends Step["do"]> = Extract<Step, { readonly do: K }>;

/** What a script may ask for beside bytes; what is absent here it cannot have. */
export interface DrivePowers {
  readonly signal: AbortSignal;
  /** Starts TLS on the stream that is being driven; `early` bytes belong to it. */
  readonly tls?: (as: "server" | "client", early: Uint8Array) => Promise<ByteStream>;
  readonly secret?: (step: StepOf<"secret">) => Promise<string>;
  readonly pbkdf2?: (step: StepOf<"pbkdf2">) => Promise<Uint8Array>;
  readonly ed25519?: (step: StepOf<"ed25519">) => Promise<Uint8Array>;
}

/** A stream in the middle of a handshake. */
export interface Line {
  readonly stream: ByteStream;
  readonly reader: PullReader;
}

export interface Driven<T> {
  readonly result: T;
  /** Goes on where the script stopped: over TLS where the script started it. */
  readonly line: Line;
}

/** A stream that a handshake begins on; nothing else may have attached to it. */
export function lineOf(stream: ByteStream): Line {
  return { stream, reader: new PullReader(stream) };
}

/**
 * Runs one script to its end. Throws what the script throws, the stream's fault, the signal's
 * reason, and faults `db.frame-size`, `db.early-bytes`, `db.ended-early`.
 */
export async function drive<T>(
  script: Handshake<T>,
  start: Line,
  powers: DrivePowers,
): Promise<Driven<T>> {
  let line = start;
  try {
    let reply: Reply = undefined;
    for (;;) {
      const turn = script.next(reply);
      if (turn.done === true) return { result: turn.value, line };
      if (turn.value.do === "tls") {
        line = lineOf(await startTls(line.reader, turn.value, powers));
        reply = undefined;
      } else {
        reply = await perform(turn.value, line.reader, powers);
      }
    }
  } catch (thrown) {
    // The caller knows only the stream it gave; the one on top of it ends here.
    if (line !== start) line.stream.abort();
    throw thrown;
  }
}

async function perform(
  step: Exclude<Step, { readonly do: "tls" }>,
  reader: PullReader,
  powers: DrivePowers,
): Promise<Reply> {
  switch (step.do) {
    case "send":
      await reader.write(step.bytes, powers.signal);
      return undefined;
    case "frame":
      return await readFrame(reader, step, powers.signal);
    case "secret":
      if (powers.secret === undefined) throw notHere("a secret");
      return await powers.secret(step);
    case "pbkdf2":
      if (powers.pbkdf2 === undefined) throw notHere("a key derivation");
      return await powers.pbkdf2(step);
    case "ed25519":
      if (powers.ed25519 === undefined) throw notHere("an Ed25519 signature");
      return await powers.ed25519(step);
  }
}

async function readFrame(
  reader: PullReader,
  { measure, maxBytes }: StepOf<"frame">,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const frame = await reader.unit((held) => {
    const size = measure(held);
    if (size !== null && (size < 1 || size > maxBytes)) throw badSize(size, maxBytes);
    return size;
  }, signal);
  if (frame === null) throw endedEarly();
  return frame;
}

/**
 * Bytes slipped in before TLS are never read as if they came inside (CVE-2021-23214,
 * CVE-2021-23222).
 */
async function startTls(
  reader: PullReader,
  step: StepOf<"tls">,
  powers: DrivePowers,
): Promise<ByteStream> {
  if (powers.tls === undefined) throw notHere("TLS");
  const { early, ended } = reader.release();
  if (ended) throw endedEarly();
  if (early.length > 0 && step.early === "refuse") {
    throw new Fault({
      kind: "protocol",
      code: "db.early-bytes",
      message: `${early.length} bytes arrived in plain text before TLS`,
    });
  }
  return await powers.tls(step.as, early);
}

/** PBKDF2 by WebCrypto, for {@linkcode DrivePowers}; it runs beside the event loop. */
export async function pbkdf2(step: StepOf<"pbkdf2">): Promise<Uint8Array> {
  const password = new TextEncoder().encode(step.password);
  const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
  const bits = await crypto.subtle.deriveBits(
    {
      name: "PBKDF2",
      hash: step.hash,
      salt: new Uint8Array(step.salt),
      iterations: step.iterations,
    },
    key,
    step.bytes * 8,
  );
  return new Uint8Array(bits);
}

function badSize(size: number, maxBytes: number): Fault {
  return new Fault({
    kind: "protocol",
    code: "db.frame-size",
    message: `a handshake message of ${size} bytes, lawful are 1 to ${maxBytes}`,
  });
}

function endedEarly(): Fault {
  return new Fault({
    kind: "network",
    code: "db.ended-early",
    message: "the peer closed the connection during the handshake",
  });
}

function notHere(what: string): Fault {
  return new Fault({
    kind: "protocol",
    code: "db.not-here",
    message: `the handshake asks for ${what}, which there is none of here`,
  });
}
