/** The words for a certificate that doesn't do: for operators, for people, and what to do next. */
import { Fault, type FaultCode } from "../core/fault.ts";

interface Words {
  readonly code: FaultCode;
  readonly user: string;
  readonly host: string;
}

const refusals = {
  "no-certificate": {
    code: "ca.no-certificate",
    user: "no client certificate was sent",
    host: "the service sent no host certificate",
  },
  malformed: {
    code: "ca.malformed",
    user: "the client certificate is malformed or holds no identity",
    host: "the service's host certificate is malformed or holds no identity",
  },
  "unknown-issuer": {
    code: "ca.unknown-issuer",
    user: "the client certificate is not signed by this cluster's user CA",
    host: "the service's certificate is not signed by this cluster's host CA",
  },
  "wrong-type": {
    code: "ca.wrong-type",
    user: "the client certificate is not a user's",
    host: "the certificate is not a service's host certificate",
  },
  "wrong-usage": {
    code: "ca.wrong-usage",
    user: "the client certificate is not made for signing in as a client",
    host: "the certificate is not made for a service",
  },
  "wrong-role": {
    code: "ca.wrong-role",
    user: "the certificate has not the role in the cluster that is needed here",
    host: "the service has not the role in the cluster that is needed here",
  },
  "wrong-cluster": {
    code: "ca.wrong-cluster",
    user: "the client certificate is of another cluster",
    host: "the service's certificate is of another cluster",
  },
  "not-yet-valid": {
    code: "ca.not-yet-valid",
    user: "the client certificate is not valid yet: check the clocks",
    host: "the service's certificate is not valid yet: check the clocks",
  },
  expired: {
    code: "ca.expired",
    user: "the client certificate has expired",
    host: "the service's certificate has expired",
  },
  generation: {
    code: "ca.generation",
    user: "the user or its roles have changed since the client certificate was made",
    host: "the service has changed since its certificate was made",
  },
} as const satisfies Readonly<Record<string, Words>>;

export type Refusal = keyof typeof refusals;

/** The `unauthenticated` fault for a refusal, with words for whoever's certificate was expected. */
export function refuse(why: Refusal, expect: "user" | "host", cause?: Fault): Fault {
  const words = refusals[why];
  return new Fault({
    kind: "unauthenticated",
    code: words.code,
    message: words[expect],
    shown: words[expect],
    hint: expect === "user"
      ? "log in again: `tsh login`, then `tsh db login <database>`"
      : "join the service again with a new token: `remoteler tokens add`",
    ...(cause && { cause }),
  });
}
