/** A database that is several servers, as one stream; no I/O, as everything of this room. */

/** Where a server is, and the name that its certificate has. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly name: string;
}

/**
 * Servers that hold a database together, behind one stream: which of them is told what, and in
 * which order the client hears the answers. Whoever drives it opens connections and logs in.
 */
export interface Spread {
  /** Bytes for the database as if it were one server; kept while they can't go on. */
  client(chunk: Uint8Array): void;
  /** The client has said all it will; `finish` follows once all is answered. */
  ended(): void;
  /** A server said something; throws WireError where it breaks its protocol. */
  server(connection: string, chunk: Uint8Array): void;
  /** One that was asked for let us in. */
  opened(connection: string): void;
  /** One can't be reached, or was lost; `why` in words for the user. */
  lost(connection: string, why: string): void;
  /** The time that was asked for has passed. */
  wake(): void;
  /** Servers take more again. */
  room(): void;
  /** The client has to wait: too much of it is kept. */
  readonly isFull: boolean;
}

export interface SpreadPowers {
  /** Opens a connection by this name and logs in; `opened` or `lost` follows, never at once. */
  open(connection: string, address: ServerAddress): void;
  send(connection: string, bytes: Uint8Array): void;
  /** Whether a server takes no more at the moment; `room` follows. */
  isCongested(): boolean;
  /** Gives a connection up. */
  close(connection: string): void;
  /** Holds a server back, or lets it go on. */
  hold(connection: string, held: boolean): void;
  /** Bytes for the client. */
  forward(bytes: Uint8Array): void;
  wakeIn(ms: number): void;
  /** All is answered after the client's end. */
  finish(): void;
  /** The session can't go on. */
  fail(why: string): void;
}

export interface SpreadTerms {
  /** Where the first connection, which is open, leads. */
  readonly first: { readonly connection: string; readonly host: string };
  /** Where clients reach this session, as far as that is known. */
  readonly endpoint: { readonly host: string; readonly port: number } | null;
}

export type MakeSpread = (terms: SpreadTerms, powers: SpreadPowers) => Spread;
