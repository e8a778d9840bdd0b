/** What parts of a session's cluster share: ways to ask nodes and to answer the client. */
import type { ClusterNode } from "./node.ts";
import type { Entry, EntryMarks, Part } from "./pending.ts";

export interface Sending {
  home(): ClusterNode | null;
  /** Null where nobody serves the slot that can be reached. */
  owner(slot: number): ClusterNode | null;
  /** Why nobody does, for the client. */
  unserved(slot: number): Uint8Array;
  /** A new command of the client, in its turn. */
  entry(marks: EntryMarks): Entry;
  /** Answers a command here. */
  say(answer: Uint8Array): void;
  /** Answers a part of one. */
  answer(part: Part, reply: Uint8Array): void;
  ask(part: Part, node: ClusterNode): void;
  /** Something of ours, whose reply is nobody's. */
  tell(node: ClusterNode, bytes: Uint8Array): void;
}
