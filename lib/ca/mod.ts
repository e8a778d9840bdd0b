/** Certificates, keys and the one check that turns a certificate chain into an identity. */
export { type Certificate, fingerprint, parseCertificate } from "./certificate.ts";
export { encodeIdentity, maxIdentityBytes } from "./extension.ts";
export {
  type AuthorityOrder,
  issueAuthority,
  type Issued,
  issueDatabaseClient,
  issueDatabaseServer,
  issueHost,
  type Issuer,
  issuerOf,
  issueUser,
  type Order,
} from "./issue.ts";
export {
  generateKey,
  type KeyAlgorithm,
  type SigningKey,
  signingKey,
  verifySignature,
} from "./keys.ts";
export { addressBytes } from "./extensions.ts";
export { commonName, maxNameLength } from "./name.ts";
export { oids } from "./oids.ts";
export { certificatePem, pem, readPem } from "./pem.ts";
export { caPin, readPin } from "./pin.ts";
export { buildRequest, type CertificateRequest, parseRequest } from "./request.ts";
export { isSealed, seal, unseal } from "./seal.ts";
export { type CaType, caTypes, type TrustedAuthorities, verifiedBy } from "./trust.ts";
export {
  type Expectation,
  type Standing,
  type Verified,
  verifyIdentity,
  verifyPinned,
} from "./verify.ts";
