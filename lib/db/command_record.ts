/** What is recorded of statements that are several commands of one moment (Redis). */
import type { StatementFields } from "../audit/catalog.ts";
import type { CommandAsked, CommandReply } from "../wire/commands.ts";
import type { Statement, StatementError, StatementResult } from "../wire/protocol.ts";

type Fields = NonNullable<StatementFields["commands"]>[number];

interface Reply extends CommandReply {
  /** Since the commands went on. */
  readonly ms: number;
}

/** The replies to the commands of one statement, as they come. */
export class Replies {
  readonly #replies: (Reply | undefined)[] = [];
  #left: number;

  constructor(count: number) {
    this.#left = count;
  }

  at(index: number): Reply | undefined {
    return this.#replies[index];
  }

  /** Takes a reply; true where it was the last one. */
  add(index: number, reply: CommandReply, elapsed: number): boolean {
    if (this.#replies[index] !== undefined) return false;
    this.#replies[index] = { ...reply, ms: Math.round(Math.max(0, elapsed) * 1000) / 1000 };
    this.#left -= 1;
    return this.#left === 0;
  }

  *[Symbol.iterator](): Generator<Reply> {
    for (const reply of this.#replies) if (reply !== undefined) yield reply;
  }
}

/** What all commands together came to. */
export function resultOf(replies: Replies): StatementResult {
  let error: StatementError | null = null;
  let rows = 0;
  let bytesSent = 0;
  for (const reply of replies) {
    error ??= reply.error;
    rows += reply.elements;
    bytesSent += reply.bytes;
  }
  return {
    outcome: "done",
    success: error === null,
    error,
    rows,
    results: [],
    bytesSent,
    bytesReceived: 0,
    copy: null,
    transactionStatus: "",
    cancelled: false,
  };
}

/** The commands for an event, with what came of them as far as it is known. */
export function commandFields(
  commands: readonly CommandAsked[],
  replies: Replies | undefined,
): Pick<StatementFields, "commands"> {
  return {
    commands: commands.map(({ args, cut, omitted }, index): Fields => {
      const reply = replies?.at(index);
      return {
        args,
        ...(cut.length === 0 ? {} : { cut: cut.map(cutFields) }),
        ...(omitted === 0 ? {} : { omitted }),
        ...(reply === undefined ? {} : replyFields(reply)),
      };
    }),
  };
}

function cutFields({ index, bytes, sha256 }: CommandAsked["cut"][number]): {
  index: number;
  bytes: number;
  sha256?: string;
} {
  return sha256 === null ? { index, bytes } : { index, bytes, sha256 };
}

function replyFields({ type, error, elements, ms }: Reply): Partial<Fields> {
  return {
    reply: type,
    ...(error === null ? {} : { error: error.message.slice(0, 1024) }),
    ...(elements === 0 ? {} : { elements }),
    duration_ms: ms,
  };
}

/** Characters that a statement keeps while it has no result. */
export function weightOf({ text, commands }: Statement): number {
  if (commands === undefined) return text.length;
  let weight = text.length;
  for (const { args } of commands) for (const argument of args) weight += argument.length + 32;
  return weight;
}
