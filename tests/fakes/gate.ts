import type { Gate, Statement, StreamedStatement } from "../../lib/wire/protocol.ts";

export interface GateParts {
  readonly forward?: (bytes: Uint8Array) => void;
  /** Also of statements that came in pieces, once they are whole. */
  readonly statement?: (statement: Statement, streamed?: StreamedStatement) => void;
  readonly begin?: (statement: StreamedStatement) => void;
  readonly goodbye?: () => void;
  readonly answer?: (bytes: Uint8Array) => void;
  readonly refused?: (text: string) => void;
  readonly replied?: Gate["replied"];
}

/** A gate that joins the pieces of what was too long to be held. */
export function gateOf(parts: GateParts): Gate {
  let coming = "";
  return {
    forward: (bytes) => parts.forward?.(bytes),
    statement: (statement) => parts.statement?.(statement),
    begin: (statement, text) => {
      coming = text;
      parts.begin?.(statement);
    },
    more: (text) => {
      coming += text;
    },
    whole: (statement, fingerprint) =>
      parts.statement?.({ ...statement, text: coming, fingerprint }, statement),
    goodbye: () => parts.goodbye?.(),
    answer: (bytes) => parts.answer?.(bytes),
    refused: (text) => parts.refused?.(text),
    replied: (id, index, reply) => parts.replied?.(id, index, reply),
  };
}

/** What a protocol that never speaks in our own words has no use for. */
export const unsaid = {
  answer: () => {},
  reply: () => {},
  replied: () => {},
  goodbye: () => {},
} as const;
