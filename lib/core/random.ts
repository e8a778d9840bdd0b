/** Unpredictable bytes as a power that is handed in, so that tests can fix them. */
export interface Random {
  /** `count` unpredictable bytes. */
  bytes(count: number): Uint8Array;
  /** A random (version 4) UUID in lower case. */
  uuid(): string;
}
