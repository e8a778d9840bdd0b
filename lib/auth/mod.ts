/** The Auth Service. */
export { type Auth, createAuth } from "./auth.ts";
export {
  type AuditSigner,
  type Authorities,
  type AuthoritiesOptions,
  type AuthorityStatus,
  openAuthorities,
  type Signed,
} from "./authorities.ts";
export type { AuditReader, AuditRecorder, AuthPowers } from "./powers.ts";
