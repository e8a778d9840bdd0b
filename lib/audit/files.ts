/**
 * What the audit needs of a disk, handed in: one private directory (0700) of files (0600).
 * Failures are thrown as they come; a write that fails may have written a part.
 */
export interface AuditFiles {
  /** Regular files of the directory, in no order. */
  list(): Promise<readonly AuditFileInfo[]>;
  /** Bytes from `offset` on: `maxBytes`, or fewer where the file ends. */
  read(name: string, offset: number, maxBytes: number): Promise<Uint8Array>;
  /**
   * Opens for appending; creates the file where it is missing. Synchronous: it is on the hot
   * path.
   */
  append(name: string): AppendFile;
  remove(name: string): Promise<void>;
  /** Makes the creation and removal of files durable (fsync of the directory). */
  sync(): Promise<void>;
}

/** The files of a spool's directory. */
export type SpoolFiles = AuditFiles;

export interface AuditFileInfo {
  readonly name: string;
  readonly bytes: number;
}

/** A file that only grows. */
export interface AppendFile {
  /** Size of the file in bytes. */
  readonly bytes: number;
  /** Writes all of `bytes` at the end with write(2); throws where it can't. */
  write(bytes: Uint8Array): void;
  /** Cuts the file to `bytes`. */
  truncate(bytes: number): void;
  /** fsync. */
  sync(): Promise<void>;
  close(): void;
}
