/** Capability flags ("Capabilities Flags"), by their bit. */
export const can = {
  /** MySQL only; MariaDB leaves it clear to say that its own flags follow. */
  longPassword: 1 << 0,
  foundRows: 1 << 1,
  longFlag: 1 << 2,
  connectWithDb: 1 << 3,
  noSchema: 1 << 4,
  compress: 1 << 5,
  odbc: 1 << 6,
  localFiles: 1 << 7,
  ignoreSpace: 1 << 8,
  protocol41: 1 << 9,
  interactive: 1 << 10,
  tls: 1 << 11,
  ignoreSigpipe: 1 << 12,
  transactions: 1 << 13,
  reserved: 1 << 14,
  secureConnection: 1 << 15,
  multiStatements: 1 << 16,
  multiResults: 1 << 17,
  psMultiResults: 1 << 18,
  pluginAuth: 1 << 19,
  connectAttributes: 1 << 20,
  pluginAuthLenenc: 1 << 21,
  expiredPasswords: 1 << 22,
  sessionTrack: 1 << 23,
  deprecateEof: 1 << 24,
  optionalMetadata: 1 << 25,
  zstd: 1 << 26,
  queryAttributes: 1 << 27,
  multiFactor: 1 << 28,
} as const;

/** MariaDB's further flags ("Connection", extended capabilities). */
export const canMariadb = {
  progress: 1 << 0,
  bulk: 1 << 2,
  extendedMetadata: 1 << 3,
  cacheMetadata: 1 << 4,
  bulkUnitResults: 1 << 5,
} as const;

function all(...flags: readonly number[]): number {
  return flags.reduce((sum, flag) => sum | flag, 0) >>> 0;
}

/** What any server since MySQL 5.7 and MariaDB 10.2 can, less what never passes. */
export const common: number = all(
  can.longPassword,
  can.foundRows,
  can.longFlag,
  can.connectWithDb,
  can.noSchema,
  can.odbc,
  can.localFiles,
  can.ignoreSpace,
  can.protocol41,
  can.interactive,
  can.ignoreSigpipe,
  can.transactions,
  can.reserved,
  can.secureConnection,
  can.multiStatements,
  can.multiResults,
  can.psMultiResults,
  can.pluginAuth,
  can.connectAttributes,
  can.pluginAuthLenenc,
  can.expiredPasswords,
  can.sessionTrack,
  can.deprecateEof,
);

/**
 * What may be agreed on with a client. Compression would hide what is said; a second factor is
 * between the database and us.
 */
export const passable: number = all(common, can.optionalMetadata, can.queryAttributes);
export const passableMariadb: number = all(
  canMariadb.progress,
  canMariadb.bulk,
  canMariadb.extendedMetadata,
  canMariadb.cacheMetadata,
  canMariadb.bulkUnitResults,
);

/** Flags that change the form of what is said after the login: both sides have to agree on them. */
export const dialect: number = all(
  can.sessionTrack,
  can.deprecateEof,
  can.optionalMetadata,
  can.queryAttributes,
);

export function has(flags: number, flag: number): boolean {
  return (flags & flag) !== 0;
}

export function both(a: number, b: number): number {
  return (a & b) >>> 0;
}

/** Names of the flags of {@linkcode dialect} that are set, for words to users. */
export function dialectNames(flags: number): string[] {
  return Object.entries(can).filter(([, flag]) => has(flags & dialect, flag)).map(([name]) => name);
}
