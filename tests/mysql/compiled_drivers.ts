/** Drivers in Go and Java, built once for each version of their sources. */
import { join } from "../../scripts/lab/paths.ts";
import { exists, type Finished, must, run, which } from "../../scripts/lab/tools.ts";
import { goLacks, goProgram, homeFor, javaLacks, sourcesOf } from "../postgres/compiled_drivers.ts";
import { type Driver, type MissingDriver, scripts, told } from "./drivers.ts";
import type { Way } from "./site.ts";

/** Name, artifact, URL, and what each needs to be told. */
const jdbc = [
  {
    name: "connector-j",
    artifact: "com.mysql:mysql-connector-j:9.5.0",
    jar: "mysql-connector-j-9.5.0.jar",
    url: "jdbc:mysql",
    options: ["useServerPrepStmts=true", "useCursorFetch=true", "allowLoadLocalInfile=true"],
    tls: "sslMode=VERIFY_IDENTITY",
    plain: "sslMode=DISABLED",
    stores: (store: string, trust: string) => [
      ...[`clientCertificateKeyStoreUrl=file:${store}`, `clientCertificateKeyStorePassword=secret`],
      ...["clientCertificateKeyStoreType=PKCS12", "trustCertificateKeyStoreType=PKCS12"],
      ...[`trustCertificateKeyStoreUrl=file:${trust}`, "trustCertificateKeyStorePassword=secret"],
    ],
  },
  {
    name: "mariadb-java-client",
    artifact: "org.mariadb.jdbc:mariadb-java-client:3.5.6",
    jar: "mariadb-java-client-3.5.6.jar",
    url: "jdbc:mariadb",
    options: ["useServerPrepStmts=true", "allowLocalInfile=true", "useBulkStmts=true"],
    tls: "sslMode=verify-full",
    plain: "sslMode=disable",
    stores: (store: string, trust: string) => [
      ...[`keyStore=${store}`, "keyStorePassword=secret", "keyStoreType=PKCS12"],
      ...[`trustStore=${trust}`, "trustStorePassword=secret", "trustStoreType=PKCS12"],
    ],
  },
] as const;

type Jdbc = (typeof jdbc)[number];

export async function goDriver(): Promise<Driver | MissingDriver> {
  const name = "go-sql-driver";
  const lacks = await goLacks([1, 24]);
  if (lacks !== null) return { name, reason: lacks };
  const program = await goProgram(name, join(scripts, "go"));
  return { name, run: (way, mib) => run(program, [], { env: told(way, mib) }) };
}

export async function javaDrivers(): Promise<(Driver | MissingDriver)[]> {
  const reason = await javaLacks() ??
    (await which("keytool") === null ? "keytool is not installed" : null);
  if (reason !== null) return jdbc.map(({ name }) => ({ name, reason }));
  const drivers: Driver[] = [];
  for (const one of jdbc) {
    const home = await built(one);
    const classes = `${home}:${join(home, one.jar)}`;
    drivers.push({
      name: one.name,
      readsGreeting: true,
      run: (way, mib) => runJava(classes, one, way, mib),
    });
  }
  return drivers;
}

async function built({ name, artifact, jar }: Jdbc): Promise<string> {
  const source = join(scripts, "jdbc");
  const home = await homeFor(name, artifact + await sourcesOf(source));
  if (await exists(join(home, ".done"))) return home;
  await must("mvn", [
    ...["-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"],
    ...[`-Dartifact=${artifact}`, `-DoutputDirectory=${home}`],
  ], { timeoutMs: 600_000 });
  const sources = [join(source, "Common.java")];
  await must("javac", ["-encoding", "UTF-8", "-cp", join(home, jar), "-d", home, ...sources]);
  await Deno.writeTextFile(join(home, ".done"), "");
  return home;
}

async function runJava(
  classes: string,
  one: Jdbc,
  way: Way,
  blobMiB: number,
): Promise<Finished> {
  const folder = await Deno.makeTempDir({ prefix: "remoteler-stores-" });
  try {
    const tls = way.ca === ""
      ? [one.plain]
      : [one.tls, ...one.stores(...await makeStores(folder, way))];
    const { host, port, user, database } = way;
    const url = `${one.url}://${host}:${port}/${database}`;
    return await run("java", [
      ...["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8"],
      ...["-Dstdout.encoding=UTF-8", "-Duser.timezone=UTC", "-cp", classes, "Common", url],
      ...[join(scripts, "lines.txt"), `user=${user}`, ...one.options, ...tls],
    ], { timeoutMs: 300_000, env: told(way, blobMiB) });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The certificate with its key, and the CA, as Java keeps them. */
async function makeStores(folder: string, way: Way): Promise<[string, string]> {
  const [store, trust] = [join(folder, "own.p12"), join(folder, "trusted.p12")];
  await must("openssl", [
    ...["pkcs12", "-export", "-in", way.cert, "-inkey", way.key, "-out", store],
    ...["-passout", "pass:secret"],
  ]);
  await must("keytool", [
    ...["-importcert", "-noprompt", "-alias", "ca", "-file", way.ca, "-keystore", trust],
    ...["-storetype", "PKCS12", "-storepass", "secret"],
  ]);
  return [store, trust];
}
