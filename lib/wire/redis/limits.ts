/** What a peer may cost at most; everything beyond is refused at its header. */
export const limits = {
  /** A line that announces a length or a count: type, sign, 19 digits. */
  headerBytes: 32,
  /** An inline command, as the server has it (PROTO_INLINE_MAX_SIZE). */
  inlineBytes: 64 * 1024,
  /** One argument or bulk string, as the server has it (proto-max-bulk-len). */
  bulkBytes: 512 * 1024 * 1024,
  /** Arguments of one command, as the server had it for long. */
  argumentsMax: 1024 * 1024,
  /** Elements of one aggregate in a reply: its header's count has 32 bits. */
  elementsMax: 0xffffffff,
  /** Aggregates within aggregates. */
  depth: 128,
  /** Of a line of a reply (an error, a status), what is looked at. */
  lineKeptBytes: 1024,
  /** Of the first element of a push, which says what it is. */
  kindBytes: 32,
  /** Of an argument, what is kept for the record. */
  argumentKeptBytes: 4096,
  /** Of a command too long to be held: what is kept of its arguments. */
  streamedKeptBytes: 1024 * 1024,
  /** Of all arguments of one command. */
  commandKeptBytes: 64 * 1024,
  /** Commands recorded as one, and the characters of their arguments, about. */
  batchCommands: 256,
  batchCharacters: 64 * 1024,
  /** Commands that the server has yet to answer, and bytes of ours that wait for these. */
  owed: 500_000,
  owedBytes: 1024 * 1024,
  /** A reply during login and other handshakes. */
  loginBytes: 64 * 1024,
} as const;
