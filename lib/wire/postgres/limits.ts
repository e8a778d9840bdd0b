/** What a peer may cost at most; everything beyond is refused at its header. */
export const limits = {
  /** Startup packet, as the server has it (MAX_STARTUP_PACKET_LENGTH). */
  startupBytes: 10_000,
  /**
   * Bodies that hold a name at most, as the server has it (PQ_SMALL_MESSAGE_LIMIT, less the
   * length).
   */
  smallBytes: 10_000 - 4,
  /**
   * Query, Parse, Bind, FunctionCall and CopyData stream up to this, as the server has it
   * (PQ_LARGE_MESSAGE_LIMIT, likewise).
   */
  largeBytes: 0x3ffffffe - 4,
  /** A Bind or FunctionCall up to this is looked at in one piece, a larger one as it passes. */
  bindHeldBytes: 64 * 1024,
  /** Of one parameter, what is kept for the record: as `\x` and hex it fills what is shown. */
  parameterPrefixBytes: 4095,
  /** Of its text; the record takes no longer one. */
  parameterCharacters: 2 + 2 * 4095,
  /** Of all parameters of one Bind or FunctionCall. */
  bindKeptBytes: 1024 * 1024,
  /** Prepared statements, and portals, that exist at one time. */
  names: 10_000,
  /** Text and parameters kept for all of them. */
  namesBytes: 64 * 1024 * 1024,
  /** What one costs whose text was too long to be held: the record keeps its beginning. */
  streamedNameBytes: 16 * 1024,
  /** Messages that the server has yet to answer, and the text and parameters in them. */
  pending: 500_000,
  pendingBytes: 64 * 1024 * 1024,
  /** Of an ErrorResponse, what is looked at. */
  errorBytes: 64 * 1024,
  /** A CommandComplete's tag. */
  tagBytes: 4096,
  /** ParameterDescription of 65,535 parameters. */
  parameterDescriptionBytes: 2 + 4 * 65_535,
  /** One message of the server during login, and how many of them. */
  loginBytes: 64 * 1024,
  loginMessages: 1000,
  /** Results listed for one Query message; further ones are only added to its rows. */
  results: 1000,
} as const;
