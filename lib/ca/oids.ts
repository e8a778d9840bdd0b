/** Object identifiers that certificates and requests of ours hold (RFC 5280, 5480, 8017, 2986). */
export const oids = {
  /**
   * This project's own, from UUID 31956d79-ab98-49e4-a33a-6e676a2c0e02 in seven parts below the arc
   * that Microsoft keeps for that. As one arc of 128 bits (2.25.<UUID>, X.667) Go and Python's
   * cryptography refuse to read the whole certificate: they take arcs below 2^31 only.
   */
  identity: "1.2.840.113556.1.8000.2554.12693.28025.43928.18916.41786.7235434.2887170",
  commonName: "2.5.4.3",
  serialNumber: "2.5.4.5",
  organization: "2.5.4.10",
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyId: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  extensionRequest: "1.2.840.113549.1.9.14",
  ecPublicKey: "1.2.840.10045.2.1",
  p256: "1.2.840.10045.3.1.7",
  rsaEncryption: "1.2.840.113549.1.1.1",
  ecdsaSha256: "1.2.840.10045.4.3.2",
  rsaSha256: "1.2.840.113549.1.1.11",
} as const;
