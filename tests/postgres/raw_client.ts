/** A PostgreSQL client of bare messages, for what real drivers are too polite to do. */

export interface Message {
  readonly type: string;
  readonly body: Uint8Array;
}

/** libpq's variables, as `tsh db env` gives them. */
export type Env = Readonly<Record<string, string>>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A message with its type byte and length. */
export function message(type: string, ...parts: (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const body = concat(parts.map((p) => typeof p === "string" ? encoder.encode(p) : p));
  const out = new Uint8Array(5 + body.length);
  out[0] = type.charCodeAt(0);
  new DataView(out.buffer).setInt32(1, 4 + body.length);
  out.set(body, 5);
  return out;
}

/** A StartupMessage, of protocol 3.0 unless told otherwise. */
export function startup(
  parameters: Readonly<Record<string, string>>,
  version = 196608,
): Uint8Array<ArrayBuffer> {
  const text = Object.entries(parameters).map(([k, v]) => `${k}\0${v}\0`).join("") + "\0";
  const body = encoder.encode(text);
  const out = new Uint8Array(8 + body.length);
  const view = new DataView(out.buffer);
  view.setInt32(0, out.length);
  view.setInt32(4, version);
  out.set(body, 8);
  return out;
}

export class RawClient {
  readonly #conn: Deno.Conn;
  #held = new Uint8Array(0);

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** TLS straight away (ALPN `postgresql`), with the certificate of `env` unless told otherwise. */
  static async connect(env: Env, certificate = true): Promise<RawClient> {
    const conn = await Deno.connectTls({
      hostname: env["PGHOST"] ?? "localhost",
      port: Number(env["PGPORT"]),
      alpnProtocols: ["postgresql"],
      caCerts: [await Deno.readTextFile(env["PGSSLROOTCERT"] ?? "")],
      ...(certificate
        ? {
          cert: await Deno.readTextFile(env["PGSSLCERT"] ?? ""),
          key: await Deno.readTextFile(env["PGSSLKEY"] ?? ""),
        }
        : {}),
    });
    return new RawClient(conn);
  }

  /** Connects and starts a session of this protocol version; gives what the server greets with. */
  static async greeted(
    env: Env,
    version: number,
    more: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly client: RawClient; readonly greeting: readonly Message[] }> {
    const client = await RawClient.connect(env);
    const { PGUSER: user = "", PGDATABASE: database = "" } = env;
    await client.send(startup({ user, database, ...more }, version));
    const greeting = await client.until("Z");
    const error = greeting.find((m) => m.type === "E");
    if (error === undefined) return { client, greeting };
    client.close();
    throw new Error(errorText(error));
  }

  /** Connects and starts a session; throws with the server's words where it is refused. */
  static async login(env: Env): Promise<RawClient> {
    return await (await RawClient.connect(env)).#begin(env);
  }

  /** The same without TLS, on a port of this machine. */
  static async loginLocally(port: number, env: Env): Promise<RawClient> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    return await new RawClient(conn).#begin(env);
  }

  async #begin(env: Env): Promise<RawClient> {
    await this.send(startup({ user: env["PGUSER"] ?? "", database: env["PGDATABASE"] ?? "" }));
    const messages = await this.until("Z");
    const error = messages.find((m) => m.type === "E");
    if (error) {
      this.close();
      throw new Error(errorText(error));
    }
    return this;
  }

  async send(...bytes: Uint8Array<ArrayBuffer>[]): Promise<void> {
    const all = concat(bytes);
    for (let at = 0; at < all.length;) at += await this.#conn.write(all.subarray(at));
  }

  /** The next message; null at the end of the stream. */
  async next(): Promise<Message | null> {
    for (;;) {
      if (this.#held.length >= 5) {
        const length = new DataView(this.#held.buffer, this.#held.byteOffset).getInt32(1) + 1;
        if (length < 5) throw new Error(`a message of length ${length - 1}`);
        if (this.#held.length >= length) {
          const type = String.fromCharCode(this.#held[0] ?? 0);
          const body = this.#held.slice(5, length);
          this.#held = this.#held.slice(length);
          return { type, body };
        }
      }
      if (!(await this.#more())) return null;
    }
  }

  /** All there is up to the end, whether it is messages or not. */
  async rest(): Promise<Uint8Array> {
    while (await this.#more());
    return this.#held;
  }

  async #more(): Promise<boolean> {
    const chunk = new Uint8Array(65536);
    const n = await this.#conn.read(chunk).catch(() => null);
    if (n !== null) this.#held = concat([this.#held, chunk.subarray(0, n)]);
    return n !== null;
  }

  /** Messages up to and with the first of `type`, or to the end of the stream. */
  async until(type: string): Promise<Message[]> {
    const found: Message[] = [];
    for (;;) {
      const next = await this.next();
      if (next === null) return found;
      found.push(next);
      if (next.type === type) return found;
    }
  }

  /** A simple query; rows as text, or throws with the server's words. */
  async query(text: string): Promise<string[][]> {
    await this.send(message("Q", text, "\0"));
    const messages = await this.until("Z");
    const error = messages.find((m) => m.type === "E");
    if (error) throw new Error(errorText(error));
    if (messages.at(-1)?.type !== "Z") throw new Error("the connection was lost");
    return messages.filter((m) => m.type === "D").map(rowOf);
  }

  /** Ends our direction only (TLS close_notify); what the server still sends can be read. */
  async closeWrite(): Promise<void> {
    await this.#conn.closeWrite().catch(() => {});
  }

  close(): void {
    try {
      this.#conn.close();
    } catch {
      // closed already
    }
  }
}

/** SQLSTATE, message and hint of an ErrorResponse, for people and for assertions. */
export function errorText(error: Message): string {
  const fields = decoder.decode(error.body).split("\0");
  const of = (code: string) => fields.find((f) => f.startsWith(code))?.slice(1) ?? "";
  return `${of("S")} ${of("C")} ${of("M")} ${of("H")}`.trim();
}

function rowOf(row: Message): string[] {
  const view = new DataView(row.body.buffer, row.body.byteOffset, row.body.length);
  const out: string[] = [];
  let at = 2;
  for (let i = 0; i < view.getInt16(0); i++) {
    const length = view.getInt32(at);
    at += 4;
    out.push(length < 0 ? "" : decoder.decode(row.body.subarray(at, at + length)));
    at += Math.max(length, 0);
  }
  return out;
}

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
