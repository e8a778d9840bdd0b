/** Drivers whose scripts are compiled first: pgx for Go, pgjdbc for Java. */
import { fromFileUrl, join } from "../../scripts/lab/paths.ts";
import { cacheDir, exists, type Finished, must, run, which } from "../../scripts/lab/tools.ts";
import type { Driver, MissingDriver } from "./drivers.ts";

const scripts = fromFileUrl(new URL("./drivers/", import.meta.url));
/** What go.mod asks for; Debian 12's own is too old. */
const goNeeded = [1, 23] as const;
const javaNeeded = 17;
const pgjdbc = "42.7.8";
const jdbcPrograms = [["pgjdbc", "Common"], ["a database browser over JDBC", "Browser"]] as const;

export async function goDriver(): Promise<Driver | MissingDriver> {
  const name = "pgx";
  const lacks = await goLacks(goNeeded);
  if (lacks !== null) return { name, reason: lacks };
  const program = await goProgram("pgx", join(scripts, "pgx"));
  return { name, run: (env) => run(program, [], { env: { ...env, PGCONNECT_TIMEOUT: "10" } }) };
}

/** The program that these sources are, built once for each version of them. */
export async function goProgram(name: string, source: string): Promise<string> {
  const program = join(await homeFor(name, await sourcesOf(source)), "program");
  if (!(await exists(program))) {
    await must("go", ["build", "-trimpath", "-o", program, "."], {
      cwd: source,
      // Exactly what go.sum names, by this toolchain.
      env: { GOFLAGS: "-mod=readonly", GOTOOLCHAIN: "local" },
      timeoutMs: 600_000,
    });
  }
  return program;
}

/** Why programs in Go can't be built here; null when they can. */
export async function goLacks(needed: readonly [number, number]): Promise<string | null> {
  const go = await which("go");
  if (go === null) return "go is not installed";
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(await must(go, ["env", "GOVERSION"])) ?? [];
  const enough = Number(major) > needed[0] || Number(minor) >= needed[1];
  return enough ? null : `go ${needed.join(".")} or later is not installed`;
}

export async function javaDrivers(): Promise<(Driver | MissingDriver)[]> {
  const classes = await javaClasses();
  return jdbcPrograms.map(([name, program]) =>
    typeof classes !== "string"
      ? { name, ...classes }
      : { name, alone: program === "Browser", run: (env) => runJava(classes, [program], env) }
  );
}

/** pgjdbc with statements of these sizes in MiB. */
export async function longJava(sizes: readonly number[]): Promise<Driver | MissingDriver> {
  const name = "long statements by pgjdbc";
  const classes = await javaClasses();
  if (typeof classes !== "string") return { name, ...classes };
  const program = ["LongStatements", ...sizes.map(String)];
  return { name, run: (env) => runJava(classes, program, env) };
}

/** The class path of all compiled programs, or why there is none. */
async function javaClasses(): Promise<string | { readonly reason: string }> {
  const reason = await javaLacks();
  if (reason !== null) return { reason };
  const source = join(scripts, "jdbc");
  const home = await homeFor(`pgjdbc-${pgjdbc}`, await sourcesOf(source));
  const jar = join(home, `postgresql-${pgjdbc}.jar`);
  if (!(await exists(join(home, ".done")))) {
    await must("mvn", [
      ...["-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"],
      `-Dartifact=org.postgresql:postgresql:${pgjdbc}`,
      `-DoutputDirectory=${home}`,
    ], { timeoutMs: 600_000 });
    const programs = ["Shared", "Common", "Browser", "LongStatements"];
    const files = programs.map((file) => join(source, `${file}.java`));
    await must("javac", ["-encoding", "UTF-8", "-cp", jar, "-d", home, ...files]);
    await Deno.writeTextFile(join(home, ".done"), "");
  }
  return `${home}:${jar}`;
}

/** Why Java programs can't be built and run here; null when they can. */
export async function javaLacks(): Promise<string | null> {
  for (const program of ["java", "javac", "mvn", "openssl"]) {
    if (await which(program) === null) return `${program} is not installed`;
  }
  const { stdout } = await run("javac", ["-version"]);
  const version = Number(/javac (\d+)/.exec(stdout)?.[1] ?? 0);
  return version >= javaNeeded ? null : `Java ${javaNeeded} or later is not installed`;
}

async function runJava(
  classes: string,
  program: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Finished> {
  const key = await Deno.makeTempFile({ prefix: "remoteler-key-" });
  try {
    // pgjdbc takes PKCS #8 in DER.
    await must("openssl", [
      ...["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"],
      ...["-in", env["PGSSLKEY"] ?? "", "-out", key],
    ]);
    const options = ["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
    return await run("java", [
      ...[...options, "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-Duser.timezone=UTC"],
      ...["-cp", classes, ...program],
    ], { timeoutMs: 600_000, env: { ...env, PGSSLKEY_DER: key, LC_ALL: "C.UTF-8" } });
  } finally {
    await Deno.remove(key);
  }
}

/** All files of a folder, one after the other by name. */
export async function sourcesOf(folder: string): Promise<string> {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) if (isFile) names.push(name);
  const texts = names.sort().map((name) => Deno.readTextFile(join(folder, name)));
  return (await Promise.all(texts)).join("\n");
}

/** A folder in the cache that is another one when the sources are. */
export async function homeFor(name: string, sources: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(sources));
  const home = join(cacheDir(), `${name}-${new Uint8Array(hash).toHex().slice(0, 16)}`);
  await Deno.mkdir(home, { recursive: true });
  return home;
}
