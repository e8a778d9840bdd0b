/** Somebody in the proxy's place: keeps what passes, or ends TLS in another's name. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import { readClientHello } from "../../lib/proxy/client_hello.ts";

export interface Impostor {
  readonly cert: string;
  readonly key: string;
}

export class Wiretap {
  /** All bytes of both directions. */
  readonly taken: Uint8Array[] = [];
  /** Ends TLS for the names of databases in place of whoever should. */
  impostor: Impostor | null = null;
  /** What clients said to the impostor, inside its TLS. */
  told = "";
  port = 0;
  readonly #to: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(proxyPort: number) {
    this.#to = proxyPort;
    this.#server = createServer((client) => this.#accept(client));
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const bound = this.#server.address();
    this.port = typeof bound === "object" && bound !== null ? bound.port : 0;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Whether this text passed by as it is. */
  saw(text: string): boolean {
    const whole = this.taken.map((chunk) => String.fromCharCode(...chunk)).join("");
    return whole.includes(text);
  }

  #accept(client: Socket): void {
    this.#sockets.add(client);
    client.on("error", () => client.destroy());
    client.once("data", (first: Uint8Array) => {
      client.pause();
      client.unshift(first);
      const hello = readClientHello(first);
      const name = hello !== null && hello !== "more" ? hello.sni : null;
      if (this.impostor !== null && name?.includes(".db.")) this.#impersonate(client);
      else this.#pass(client);
    });
  }

  #pass(client: Socket): void {
    const proxy = connect({ host: "127.0.0.1", port: this.#to });
    this.#sockets.add(proxy);
    for (const [from, to] of [[client, proxy], [proxy, client]] as const) {
      from.on("data", (chunk: Uint8Array) => {
        this.taken.push(chunk);
        to.write(chunk);
      });
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
    client.resume();
  }

  #impersonate(client: Socket): void {
    const { cert, key } = this.impostor ?? { cert: "", key: "" };
    const tls = new TLSSocket(client, {
      isServer: true,
      secureContext: createSecureContext({ cert, key }),
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ["remoteler-postgres"],
    });
    tls.on("data", (chunk: Uint8Array) => this.told += new TextDecoder().decode(chunk));
    tls.on("error", () => client.destroy());
  }
}
