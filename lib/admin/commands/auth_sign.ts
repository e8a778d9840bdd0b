import { buildRequest, certificatePem, generateKey } from "../../ca/mod.ts";
import { choice, command, duration, flag, list, print, say, text } from "../../cli/mod.ts";
import { Fault } from "../../core/fault.ts";
import type { AdminPowers } from "../powers.ts";
import { openAuth, siteOptions } from "../site.ts";

const quarterMs = 90 * 86_400_000;

export const authSign = command({
  name: "auth sign",
  summary: "make the server certificate of a self-hosted database, and say how to set it up",
  example: "auth sign --format=postgres --host=db1.internal --out=/tmp/db1",
  options: {
    format: choice(["postgres", "mysql", "redis"], {
      help: "for which database",
      otherwise: "postgres",
    }),
    host: list({ help: "names and addresses under which agents reach it", value: "NAME,..." }),
    out: text({ help: "folder for server.crt, server.key, client-ca.crt", value: "DIR" }),
    ttl: duration({ help: "how long the certificate holds (default 90d)" }),
    force: flag({ help: "replace files that are there" }),
    ...siteOptions,
  },
  run: async (options, powers: AdminPowers) => {
    const { host: names, out } = options;
    if (names.length === 0 || out === null) throw badNames();
    const auth = await openAuth(options, powers);
    const key = await generateKey();
    const made = await auth.call("certificates.database_server", {
      csr: (await buildRequest(key)).toBase64(),
      names: [...names],
      ttl_s: Math.ceil((options.ttl ?? quarterMs) / 1000),
    }, powers.signal);
    const folder = out.replace(/(?<=.)\/+$/, "");
    const files = filesIn(folder);
    await powers.files.makeDirectory(folder);
    const write = (path: string, words: string, mode: number) =>
      powers.files.writeText(path, words, { mode, replace: options.force });
    await write(files.key, key.privatePem(), 0o600);
    await write(files.certificate, pemOf(made.chain), 0o644);
    await write(files.clients, pemOf(made.client_cas), 0o644);
    say(powers.terminal, `certificate for ${names.join(", ")} until ${made.expires} in ${folder}`);
    say(powers.terminal, "let the database's system user own server.key, then:");
    print(powers.terminal, settings[options.format](files));
    say(powers.terminal, "agents trust it without tls.ca_cert_file; make it anew before it ends");
    return 0;
  },
});

interface Files {
  readonly certificate: string;
  readonly key: string;
  readonly clients: string;
}

function filesIn(folder: string): Files {
  return {
    certificate: `${folder}/server.crt`,
    key: `${folder}/server.key`,
    clients: `${folder}/client-ca.crt`,
  };
}

const settings = { postgres, mysql, redis } as const;

/** Lines of PostgreSQL's two files; a quote in a value is doubled there ("Setting Parameters"). */
function postgres({ certificate, key, clients }: Files): string {
  const quoted = (path: string): string => `'${path.replaceAll("'", "''")}'`;
  return [
    "# postgresql.conf",
    "ssl = on",
    `ssl_cert_file = ${quoted(certificate)}`,
    `ssl_key_file = ${quoted(key)}`,
    `ssl_ca_file = ${quoted(clients)}`,
    "",
    "# pg_hba.conf, above other lines for the same users",
    "hostssl all all all cert",
    "",
  ].join("\n");
}

/** Lines of the option file, whose values have escapes ("Using Option Files"), and an account. */
function mysql({ certificate, key, clients }: Files): string {
  const quoted = (path: string): string => `"${path.replaceAll(/["\\]/g, "\\$&")}"`;
  return [
    "# my.cnf of MySQL or MariaDB",
    "[mysqld]",
    `ssl_cert = ${quoted(certificate)}`,
    `ssl_key = ${quoted(key)}`,
    `ssl_ca = ${quoted(clients)}`,
    "",
    "-- for each account, with its name in place of alice; the server checks nothing else of it",
    "CREATE USER 'alice'@'%' REQUIRE SUBJECT '/CN=alice';",
    "",
  ].join("\n");
}

/** Lines of redis.conf, whose values have escapes, and an account. */
function redis({ certificate, key, clients }: Files): string {
  const quoted = (path: string): string => `"${path.replaceAll(/["\\]/g, "\\$&")}"`;
  return [
    "# redis.conf or valkey.conf",
    "port 0",
    "tls-port 6379",
    `tls-cert-file ${quoted(certificate)}`,
    `tls-key-file ${quoted(key)}`,
    `tls-ca-cert-file ${quoted(clients)}`,
    "tls-auth-clients yes",
    "",
    "# for each account, with its name and password; the agent's credentials have the password",
    "user alice on >PASSWORD ~* &* +@all -@admin",
    "",
  ].join("\n");
}

function pemOf(ders: readonly string[]): string {
  return certificatePem(...ders.map((text) => Uint8Array.fromBase64(text)));
}

function badNames(): Fault {
  return new Fault({
    kind: "invalid",
    code: "admin.bad-names",
    message: "--host and --out are needed",
    hint: "for example --format=postgres --host=db1.internal --out=/tmp/db1",
  });
}
