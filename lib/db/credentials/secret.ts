/** A stored password: of one database user, or of whoever the session is for. */
export interface SecretCredentials {
  /** The one account that the password is for; null: of any that the roles allow. */
  readonly user: string | null;
  /** Rejects with a Fault where it can't be read. */
  readonly password: () => Promise<string>;
}
