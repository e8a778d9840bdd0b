/** What a protocol says of commands, where it has these in place of texts (Redis). */
import type { Refusal, StatementError } from "./protocol.ts";

/** What may be asked in a session of commands (Redis). */
export interface CommandTerms {
  /** The account that was logged in: the only one that a client may name. */
  readonly user: string;
  /** Whether values are recorded, or names and keys only. */
  readonly values: boolean;
  /** Why a command may not be run, in words for the client; null where it may. */
  refusal(command: AskedCommand): Refusal | null;
}

/** A command as it is decided over. */
export interface AskedCommand {
  /** In lower case; with its subcommand: "config|get". */
  readonly name: string;
  /** The server's own, without `@`; empty where the command is not known. */
  readonly categories: readonly string[];
  readonly known: boolean;
  /** The keys it names; null where not all that it reaches are named. */
  keys(): readonly string[] | null;
  /** Other databases of the server that it names. */
  databases(): readonly string[];
}

/** A command of a protocol that has these in place of texts, as it is recorded. */
export interface CommandAsked {
  /** Its name, then its arguments: UTF-8 as it is, other bytes as `\xHH`, `\` as `\\`. */
  readonly args: readonly string[];
  /** Arguments that are there in part only, or not at all. */
  readonly cut: readonly CutArgument[];
  /** How many more there were. */
  readonly omitted: number;
}

export interface CutArgument {
  /** Its place among the arguments, the name being 0. */
  readonly index: number;
  /** Its whole length in bytes. */
  readonly bytes: number;
  /** SHA-256 in hex of all of it; null where its value is not recorded. */
  readonly sha256: string | null;
}

/** What came of a command. */
export interface CommandReply {
  /** Its type in the protocol's words; "none" where it is not answered. */
  readonly type: string;
  readonly error: StatementError | null;
  /** Elements of an aggregate, else 0. */
  readonly elements: number;
  /** Its bytes towards the client. */
  readonly bytes: number;
}
