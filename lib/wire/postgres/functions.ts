/** A function of the database's catalogue that clients call by its number. */
export interface KnownFunction {
  readonly name: string;
  /** OIDs of its arguments' types. */
  readonly types: readonly number[];
}

const INT4 = 23;
const INT8 = 20;
const OID = 26;
const TEXT = 25;
const BYTEA = 17;

/**
 * The functions of large objects, which is what clients use function calls for ("Client
 * Interfaces"). Their OIDs are fixed in the source of PostgreSQL (pg_proc.dat) and never change.
 */
const functions: ReadonlyMap<number, KnownFunction> = new Map([
  [715, { name: "lo_create", types: [OID] }],
  [764, { name: "lo_import", types: [TEXT] }],
  [765, { name: "lo_export", types: [OID, TEXT] }],
  [767, { name: "lo_import", types: [TEXT, OID] }],
  [952, { name: "lo_open", types: [OID, INT4] }],
  [953, { name: "lo_close", types: [INT4] }],
  [954, { name: "loread", types: [INT4, INT4] }],
  [955, { name: "lowrite", types: [INT4, BYTEA] }],
  [956, { name: "lo_lseek", types: [INT4, INT4, INT4] }],
  [957, { name: "lo_creat", types: [INT4] }],
  [958, { name: "lo_tell", types: [INT4] }],
  [964, { name: "lo_unlink", types: [OID] }],
  [1004, { name: "lo_truncate", types: [INT4, INT4] }],
  [3170, { name: "lo_lseek64", types: [INT4, INT8, INT4] }],
  [3171, { name: "lo_tell64", types: [INT4] }],
  [3172, { name: "lo_truncate64", types: [INT4, INT8] }],
  [3457, { name: "lo_from_bytea", types: [OID, BYTEA] }],
  [3458, { name: "lo_get", types: [OID] }],
  [3459, { name: "lo_get", types: [OID, INT8, INT4] }],
  [3460, { name: "lo_put", types: [OID, INT8, BYTEA] }],
]);

/** The function of an OID, or null where it is none that we know. */
export function functionOf(oid: number): KnownFunction | null {
  return functions.get(oid) ?? null;
}

/** OIDs of all that we know. */
export function knownFunctions(): Iterable<number> {
  return functions.keys();
}
