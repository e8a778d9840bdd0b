/** The HTTP/1.1 upgrade to a WebSocket (RFC 6455 §4), by hand, on a stream that goes on as one. */
import { createHash, randomBytes } from "node:crypto";
import { Fault } from "../core/fault.ts";
import { PullReader } from "../core/pull.ts";
import type { ByteStream } from "../core/stream.ts";
import { deadline } from "./deadline.ts";
import { badHttp, encodeHead, hasToken, parseRequestHead } from "./http_head.ts";
import { parseResponseHead, readHead } from "./http_head.ts";

export interface UpgradeOptions {
  readonly path: string;
  /** Sec-WebSocket-Protocol: asked for, and required in the answer. */
  readonly protocol: string;
  /** The Host field; clients only. */
  readonly host?: string;
  /** Bytes that were already read from the stream. */
  readonly early?: Uint8Array;
  /** @default 10000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Client side: asks, and checks the answer. Gives bytes that followed it; the stream is paused and
 * must be attached to before anything is awaited. Aborts the stream and throws a Fault on refusal.
 */
export function askUpgrade(stream: ByteStream, options: UpgradeOptions): Promise<Uint8Array> {
  return bounded(stream, options, async (pull, signal) => {
    const key = randomBytes(16).toString("base64");
    await pull.write(
      encodeHead(`GET ${options.path} HTTP/1.1`, {
        host: options.host ?? "remoteler",
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": key,
        "sec-websocket-protocol": options.protocol,
      }),
      signal,
    );
    const text = await readHead(pull, signal);
    if (text === null) throw badHttp("no answer to the upgrade");
    const { status, headers } = parseResponseHead(text);
    if (status !== 101) {
      throw new Fault({
        kind: status === 401 || status === 403 ? "denied" : "unavailable",
        code: "sys.upgrade-refused",
        message: `the upgrade was answered with HTTP status ${status}`,
        fields: { status },
      });
    }
    const fits = headers["sec-websocket-accept"] === acceptOf(key) &&
      headers["sec-websocket-protocol"] === options.protocol &&
      hasToken(headers["upgrade"], "websocket");
    if (!fits) throw badHttp("the upgrade was answered wrongly");
  });
}

/** Server side: takes the one path and protocol; anything else gets an HTTP answer and a Fault. */
export function takeUpgrade(stream: ByteStream, options: UpgradeOptions): Promise<Uint8Array> {
  return bounded(stream, options, async (pull, signal) => {
    const text = await readHead(pull, signal);
    if (text === null) throw badHttp("no request");
    const { method, path, headers } = parseRequestHead(text);
    const key = headers["sec-websocket-key"] ?? "";
    const fits = method === "GET" && path === options.path &&
      hasToken(headers["upgrade"], "websocket") && hasToken(headers["connection"], "upgrade") &&
      headers["sec-websocket-version"] === "13" && /^[A-Za-z0-9+/]{22}==$/.test(key) &&
      hasToken(headers["sec-websocket-protocol"], options.protocol);
    if (!fits) {
      await pull.write(
        encodeHead("HTTP/1.1 400 Bad Request", { "content-length": "0", connection: "close" }),
        signal,
      );
      stream.end();
      // Closing at once could destroy the answer on its way: the peer goes first, or time is up.
      await pull.pull(signal).catch(() => null);
      throw badHttp("not the upgrade that is served here");
    }
    await pull.write(
      encodeHead("HTTP/1.1 101 Switching Protocols", {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-accept": acceptOf(key),
        "sec-websocket-protocol": options.protocol,
      }),
      signal,
    );
  });
}

async function bounded(
  stream: ByteStream,
  options: UpgradeOptions,
  run: (pull: PullReader, signal: AbortSignal) => Promise<void>,
): Promise<Uint8Array> {
  const pull = new PullReader(stream);
  if (options.early !== undefined) pull.unread(options.early);
  const timeoutMs = options.timeoutMs ?? 10_000;
  const limit = deadline(timeoutMs, "sys.http-timeout", "no upgrade", options.signal);
  try {
    await run(pull, limit.signal);
    const { early, ended } = pull.release();
    if (ended) throw badHttp("the peer left after the upgrade");
    return early;
  } catch (thrown) {
    const fault = thrown instanceof Fault ? thrown : badHttp("the upgrade was given up");
    stream.abort(fault);
    throw thrown;
  } finally {
    limit.cancel();
  }
}

/** RFC 6455 §4.2.2. */
function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}
