/** Server certificates for databases that people run themselves. */
import type { CallOutput, CallRequest } from "../api/contract.ts";
import type { Context } from "../api/server.ts";
import { decodeBase64, issuedOf, serialOf } from "./issuing.ts";
import { type Core, whoOf } from "./powers.ts";

/**
 * The call `certificates.database_server`: signed by the `db` CA, never longer than that lives.
 * With it comes what the database must trust: the `db_client` CA.
 */
export async function databaseServerCertificate(
  { authorities, audit, clock }: Core,
  { csr, names, ttl_s }: CallRequest<"certificates.database_server">,
  { caller, remoteAddress }: Context,
): Promise<CallOutput<"certificates.database_server">> {
  const expires = clock.now() + ttl_s * 1000;
  const signed = await authorities.signDatabaseServer(decodeBase64(csr), { names, expires });
  const issued = issuedOf(signed);
  await audit.report("cert.create", {
    ...whoOf(caller, remoteAddress),
    cert_type: "db",
    names,
    serial: serialOf(signed),
    expires: issued.expires,
  });
  return {
    ...issued,
    client_cas: authorities.trustedOf("db_client").map((der) => der.toBase64()),
  };
}
