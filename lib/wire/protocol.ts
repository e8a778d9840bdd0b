/**
 * What a protocol folder provides. No I/O: a handshake is a generator that yields what it wants and
 * is resumed with the answer; an inspector is handed bytes and says what they mean.
 */

import type { CommandAsked, CommandReply, CommandTerms } from "./commands.ts";
import type { MakeSpread } from "./spread.ts";
import type { StreamSizes } from "./streaming.ts";

/** One thing a handshake asks its driver to do; the reply comes back from `yield`. */
export type Step =
  | { readonly do: "send"; readonly bytes: Uint8Array }
  /** Reply: exactly one frame (Uint8Array). Refused at its header when over `maxBytes`. */
  | { readonly do: "frame"; readonly measure: Measure; readonly maxBytes: number }
  /**
   * Start TLS on this stream; bytes that arrived early are refused, or handed to TLS where `early`
   * says so.
   */
  | { readonly do: "tls"; readonly as: "server" | "client"; readonly early: "refuse" | "tls" }
  /** Reply: the secret (string). `inClear`: it is sent as it is, not as a proof of it. */
  | { readonly do: "secret"; readonly kind: "password" | "token"; readonly inClear: boolean }
  /** Reply: derived key (Uint8Array). Slow, so the driver runs it. */
  | {
    readonly do: "pbkdf2";
    readonly hash: "SHA-256" | "SHA-1";
    readonly password: string;
    readonly salt: Uint8Array;
    readonly iterations: number;
    readonly bytes: number;
  }
  /**
   * Reply: an Ed25519 signature (64 bytes) by the key whose seed is the password as it is, of any
   * length (MariaDB). Not among what node:crypto does.
   */
  | { readonly do: "ed25519"; readonly password: string; readonly message: Uint8Array };

/** Size in bytes of the unit at the front of `held`, or null while its header is incomplete. */
export type Measure = (held: Uint8Array) => number | null;

export type Reply = Uint8Array | string | undefined;

/** A conversation that reads top to bottom; drive it with a socket or with a test script. */
export type Handshake<T> = Generator<Step, T, Reply>;

/** What the client asked for when it started. */
export interface Startup {
  readonly user: string;
  /** Null where the client named none. */
  readonly database: string | null;
  /**
   * All other parameters, unfiltered; `login` forwards those of its allowlist and names the
   * refused.
   */
  readonly parameters: ReadonlyMap<string, string>;
  /** The client program as it names itself, for the audit log; empty where it doesn't. */
  readonly clientProgram: string;
  /** Asks for the stream of all changes; allowed by `LoginRequest.replication` only. */
  readonly replication: boolean;
  /** Protocol version agreed with the client, for example "3.0". */
  readonly version: string;
  /** Where messages are numbered: the number of the answer to this one. */
  readonly sequence?: number;
  /** What the client can, where its protocol has flags for that. */
  readonly abilities?: Abilities;
}

/** What two sides agreed on by flags (MySQL); none is set where nothing is said. */
export interface Abilities {
  readonly flags: number;
  /** Further flags, of MariaDB. */
  readonly extended: number;
  readonly collation: number;
  readonly packetBytesMax: number;
  /** The client tried to prove a password, by this method; empty where it did not. */
  readonly proof: string;
}

/** What a database says of itself when it greets; kept to greet others with. */
export interface ServerFacts {
  readonly serverVersion: string;
  /** In a form of the protocol's own; empty: what any database of its kind can. */
  readonly capabilities: string;
}

/** The first words of a server that speaks first. */
export interface Greeting {
  /** They were said before TLS, by a proxy that could not know which database is asked for. */
  readonly said: boolean;
  readonly facts: ServerFacts;
  /** The number that the client knows its connection by. */
  readonly connectionId: number;
  /** 20 random bytes or more. */
  readonly nonce: Uint8Array;
}

/** What the client sent first, after TLS: a session, or a request to cancel another one. */
export type Opening =
  | { readonly kind: "startup"; readonly startup: Startup }
  | { readonly kind: "cancel"; readonly key: CancelKey };

/** The key that lets a second connection cancel a statement. */
export interface CancelKey {
  readonly processId: number;
  readonly secret: Uint8Array;
}

/** How to log in to the database as the account that was decided. */
export interface LoginRequest {
  readonly user: string;
  readonly database: string;
  readonly startup: Startup;
  /** Told to the database as the session's defaults; absent: none. */
  readonly limits?: { readonly statementMs: number | null; readonly readOnly: boolean };
  /** Whether a startup that asks for replication is let through. */
  readonly replication: boolean;
  /** 24 random bytes or more, handed in since this room makes none. */
  readonly nonce: Uint8Array;
  /** There is a password to be asked for by a `secret` step; absent: nobody knows yet. */
  readonly hasPassword?: boolean;
  /** Whether the database may ask the client for a file of its own; absent: no. */
  readonly localInfile?: boolean;
}

/** A database that let us in. */
export interface LoggedIn {
  /** Null where the database sends none; mirrored to the client. */
  readonly cancelKey: CancelKey | null;
  /** ParameterStatus and the like as received, to be replayed to the client. */
  readonly greeting: readonly Uint8Array[];
  readonly serverVersion: string;
  /** The database's own process or connection number, for the audit log; null where unknown. */
  readonly backendPid: number | null;
  /** It is one of several servers that hold the data together: {@linkcode Protocol.spread}. */
  readonly isSpread?: boolean;
  /** How it greeted, where it did. */
  readonly facts?: ServerFacts;
  /** What the session was agreed to be, where that is said by flags. */
  readonly abilities?: Abilities;
}

/**
 * The database's own number of a session that has one of ours; "unknown": one of ours that is no
 * session of this database here; null: not one of ours.
 */
export type ConnectionNumber = number | "unknown" | null;

/** What an inspector has to know of the session beside its bytes. */
export interface SessionTerms {
  readonly loggedIn: Pick<LoggedIn, "abilities" | "facts">;
  /** The database or schema that the session begins in; empty where there is none. */
  readonly database: string;
  /** Whether the database may ask the client for a file of its own. */
  readonly localInfile: boolean;
  /** Whether the client may ask for the stream of all changes. */
  readonly replication: boolean;
  /** What the database knows the session by that its client knows by `id`. */
  readonly connectionOf: (id: number) => ConnectionNumber;
  /** Where the protocol has commands in place of texts; absent: all may be run. */
  readonly commands?: CommandTerms;
}

/** Why a session or statement is refused or ended, in words the user may see. */
export interface Refusal {
  readonly kind: RefusalKind;
  readonly message: string;
  readonly hint?: string;
}

export type RefusalKind =
  | "unauthenticated"
  | "denied"
  | "invalid"
  | "protocol"
  | "target"
  | "network"
  | "limit"
  /** A limit of the session: idle for too long, a statement too long, too much of something. */
  | "idle"
  | "timeout"
  | "quota"
  | "unavailable"
  | "ended"
  | "internal";

/** A parameter of a statement, decoded where its type is known. */
export interface Parameter {
  /**
   * Type name ("int4", "text", ...) or the type's number in words where unknown; empty when not
   * told.
   */
  readonly type: string;
  /** Null for SQL NULL. Text as is; binary of unknown type as base64. At most 4 KiB of it. */
  readonly value: string | null;
  readonly encoding: "text" | "base64";
  /** Whole length in bytes, and SHA-256 in hex, where `value` is only a prefix. */
  readonly bytes?: number;
  readonly sha256?: string;
}

/** A statement the client wants run; recorded before its bytes go on. */
export interface Statement {
  /** Order in the session, from 1. */
  readonly id: number;
  /** Text as sent, secrets not yet redacted; empty where it is that of `textOf`. */
  readonly text: string;
  /** Its text was too long to be held and was told in pieces: that of this statement. */
  readonly textOf?: StreamedStatement;
  /**
   * How it was asked: "query" (simple), "execute" (extended), "function", "prepare" (a Parse that
   * failed by itself, or one that is too long to be held; any of MySQL), "command" (not by a text:
   * what stands there is the command's name and what it is about).
   */
  readonly command: "query" | "execute" | "function" | "prepare" | "command";
  readonly statementName: string;
  readonly portalName: string;
  readonly parameters: readonly Parameter[];
  /** Execute of a portal that was executed before. */
  readonly reexecution: boolean;
  /** The same for statements that differ in their values only; 16 hex digits. */
  readonly fingerprint: string;
  /** Where it is several commands of one moment: each of them, in order. */
  readonly commands?: readonly CommandAsked[];
  /** The schema in use when it was asked, where the protocol tells; empty where none is. */
  readonly schema?: string;
}

/**
 * A statement too long to be held: its text is told in pieces, each before its bytes go on. What
 * needs a text whole can't have this one.
 */
export type StreamedStatement = Omit<Statement, "text" | "textOf" | "fingerprint">;

/** What came of a statement. */
export interface StatementResult {
  /**
   * "done" (the database answered), "parse_error" (it never ran: the text was refused),
   * "skipped" (an earlier error of the same pipeline, or nothing to run: then `success`),
   * "suspended" (the portal has more rows),
   * "truncated" (the session ended before its text did: the database can't have run it),
   * "unknown" (the connection was lost first).
   */
  readonly outcome: "done" | "parse_error" | "skipped" | "suspended" | "truncated" | "unknown";
  readonly success: boolean;
  readonly error: StatementError | null;
  /** Rows returned or affected over all results. */
  readonly rows: number;
  /** One row for each statement of a text that held several. */
  readonly results: readonly { readonly tag: string; readonly rows: number }[];
  /** Payload bytes of the reply towards the client, and of COPY data from it. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly copy: { readonly direction: "in" | "out" | "both"; readonly bytes: number } | null;
  /** "idle", "transaction", "failed", or empty where the protocol doesn't say. */
  readonly transactionStatus: string;
  readonly cancelled: boolean;
}

export interface StatementError {
  readonly code: string;
  readonly severity: string;
  readonly message: string;
}

/** Client to database: understood, recorded, then forwarded unchanged. */
export interface Gate {
  /** These bytes may go on, after all that was told so far has been recorded. */
  forward(bytes: Uint8Array): void;
  statement(statement: Statement): void;
  /** A statement too long to be held begins, with the first piece of its text. */
  begin(statement: StreamedStatement, text: string): void;
  /** The next piece of the text of the statement that began last. */
  more(text: string): void;
  /** That was all of its text. */
  whole(statement: StreamedStatement, fingerprint: string): void;
  /** The client said goodbye; what follows is not forwarded. */
  goodbye(): void;
  /** Words of ours for the client; no reply is owed before them. */
  answer(bytes: Uint8Array): void;
  /** Something the client asked for is not let through; the session goes on. */
  refused(text: string, refusal: Refusal): void;
  /** A command that was answered here, of a statement that has `commands`. */
  replied(statementId: number, index: number, reply: CommandReply): void;
}

/** Database to client: forwarded first, then skimmed for results. */
export interface Tap {
  forward(bytes: Uint8Array): void;
  result(statementId: number, result: StatementResult): void;
  /** What came of one command of a statement that has `commands`; the last one is its result. */
  replied(statementId: number, index: number, reply: CommandReply): void;
  /** A statement learned of only from its answer (a Parse that failed with no Execute). */
  lateStatement(statement: Statement): void;
  /** The session is at rest: no statement is open and no transaction (used for draining). */
  idle(): void;
  /** Words of ours for the client, between what the database says. */
  answer(bytes: Uint8Array): void;
  /** The client's goodbye was answered: nothing more comes from it. */
  goodbye(): void;
  /** Words of ours for the database, in the middle of a reply of its. */
  reply(bytes: Uint8Array): void;
}

/**
 * One session's understanding of both directions. Throws {@linkcode WireError} on a broken peer.
 */
export interface Inspector {
  client(chunk: Uint8Array, gate: Gate): void;
  server(chunk: Uint8Array, tap: Tap): void;
  /** The session ended: gives each open statement its result (`unknown`). */
  close(tap: Tap): void;
  /** No frame towards the client is half forwarded: words of ours (`refuse`) may go in between. */
  readonly betweenFrames: boolean;
  /** Rows towards the client so far, those of COPY included, counted by their headers. */
  readonly rows: number;
  /** Our last words, as they fit what was said last; only while `betweenFrames`. */
  refuse(refusal: Refusal): Uint8Array;
}

/** How an administrator's test goes on once the database let it in (`remoteler db test`). */
export interface Trial {
  /** A statement that does nothing, as it is sent. */
  readonly statement: string;
  /** Runs it, reads its answer to the end and says goodbye. */
  run(): Handshake<void>;
  /** What can be done where the database refuses with this code; null where that isn't known. */
  advice(code: string): string | null;
}

/** A database protocol. A new one is a folder that exports one of these and a line in `mod.ts`. */
export interface Protocol {
  /** Name in certificates, configuration and events: "postgres". */
  readonly name: string;
  readonly defaultPort: number;
  /** What counts where neither the certificate nor the startup names a user or a database. */
  readonly unnamed?: { readonly user: string; readonly database: string };
  /**
   * A client certificate opens TLS and names nobody: it is shown beside the password, where there
   * is one.
   */
  readonly certificateAndPassword?: boolean;
  /** A session may be in no database; where this is absent, it is in that named as its user. */
  readonly mayLackDatabase?: boolean;
  /** ALPN names a client of this protocol may offer beside `remoteler-<name>`. */
  readonly alpn: readonly string[];
  /** The start waits for nothing: a client may say its first word whenever it likes. */
  readonly silentStart?: boolean;
  /**
   * Plain bytes before TLS on the public port: what to answer and whether TLS follows; null where
   * they are not this protocol's, "more" where too few are held to tell.
   */
  sniff(held: Uint8Array): Sniffed | "more" | null;
  /**
   * Where the server speaks first: a proxy's side of a start in the clear, up to and with TLS,
   * while nobody knows which database is meant. Null where the client speaks first.
   */
  readonly meet: ((greeting: Greeting) => Handshake<void>) | null;
  /** Server side of the start, inside TLS. `greeting`: where the server speaks first. */
  accept(greeting?: Greeting): Handshake<Opening>;
  /** Client side of the start towards the database: TLS question first, then authentication. */
  login(request: LoginRequest): Handshake<LoggedIn>;
  /**
   * The start of a login up to and with TLS, which is all that can be asked without a user. Gives
   * what the database says of itself before; null where it says nothing.
   */
  greet(): Handshake<ServerFacts | null>;
  /** Where a database may be several servers. */
  readonly spread?: MakeSpread;
  readonly trial: Trial;
  /** How long the secret of this client's cancel key is. */
  cancelSecretBytes(startup: Startup): number;
  /** What tells the client it is in, with `key` in place of the database's own (null: none). */
  welcome(loggedIn: LoggedIn, key: CancelKey | null): Uint8Array;
  /** `sizes`: what is held whole and what is told in pieces; the usual ones where left out. */
  inspector(sizes?: StreamSizes, terms?: SessionTerms): Inspector;
  /**
   * An error in the protocol's own words, which ends the session before it began. `sequence`: the
   * number of this message where they are numbered; 0, the default, where nothing was said before.
   */
  refuse(refusal: Refusal, sequence?: number): Uint8Array;
  /**
   * The request that cancels the statement of `key`, to be sent on a connection of its own; null
   * where there is none. `as`: the login of that session, for those that have to log in for it.
   */
  cancelRequest(key: CancelKey, as?: LoginRequest): Handshake<void> | null;
}

export type Sniffed =
  /**
   * Send `answer`, then go on sniffing (`tls: false`) or start TLS; `consumed` bytes were the
   * question.
   */
  | {
    readonly kind: "answer";
    readonly consumed: number;
    readonly answer: Uint8Array;
    readonly tls: boolean;
  }
  | { readonly kind: "cancel"; readonly consumed: number; readonly key: CancelKey }
  /** This protocol, but without TLS: send `answer` and close. */
  | { readonly kind: "refuse"; readonly answer: Uint8Array };
