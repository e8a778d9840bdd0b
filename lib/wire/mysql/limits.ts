/** What a peer may cost at most; everything beyond is refused at its header. */
export const limits = {
  /** One packet during the login, either way. */
  loginBytes: 64 * 1024,
  loginMessages: 100,
  /** Connection attributes, as the server has it (performance_schema: 64 KiB of them). */
  attributeBytes: 64 * 1024,
  attributes: 128,
  /** Names: of users and schemas 64 characters at most, so 256 bytes of UTF-8. */
  nameBytes: 1024,
  /** A whole command over all its packets (max_allowed_packet is 1 GiB at most). */
  commandBytes: 1024 * 1024 * 1024,
  /** Commands that carry a number or a name. */
  smallBytes: 64 * 1024,
  /** An Execute up to this is looked at in one piece, a larger one as it passes. */
  executeHeldBytes: 64 * 1024,
  /** Of one parameter, what is kept for the record. */
  parameterPrefixBytes: 4096,
  /** Of all parameters of one Execute. */
  executeKeptBytes: 1024 * 1024,
  /** Parameters of one statement (the count has 16 bits). */
  parameters: 65_535,
  /** Rows of one bulk execute whose values are told; of further ones only the number is. */
  bulkRows: 100,
  /** Parameters that came ahead of their statements. */
  longData: 4096,
  /** Prepared statements at one time, and text and parameters kept for all of them. */
  names: 20_000,
  namesBytes: 64 * 1024 * 1024,
  /** Commands that the database has yet to answer, and the text in them. */
  pending: 100_000,
  pendingBytes: 64 * 1024 * 1024,
  /** Of an ERR packet, and of an OK packet, what is looked at. */
  errorBytes: 16 * 1024,
  okBytes: 1024 * 1024,
  /** Results listed for one command; further ones are only added to its rows. */
  results: 1000,
  /** Columns of one result set, as the server has it (4096), with room. */
  columns: 65_535,
} as const;
