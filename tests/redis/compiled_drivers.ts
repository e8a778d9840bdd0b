/** Drivers whose scripts are compiled first: go-redis for Go, jedis for Java. */
import { fromFileUrl, join } from "../../scripts/lab/paths.ts";
import { cacheDir, exists, type Finished, must, run, which } from "../../scripts/lab/tools.ts";
import { type DriverMode, type MissingDriver, type RedisDriver, variablesOf } from "./drivers.ts";
import type { RedisEndpoint } from "./endpoint.ts";

const scripts = fromFileUrl(new URL("./drivers/", import.meta.url));
/** What go.mod asks for; Debian 12's own is too old. */
const goNeeded = [1, 23] as const;
const javaNeeded = 17;
const timeoutMs = 600_000;

export async function goDriver(): Promise<RedisDriver | MissingDriver> {
  const name = "go-redis";
  const go = await which("go");
  if (go === null) return { name, reason: "go is not installed" };
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(await must(go, ["env", "GOVERSION"])) ?? [];
  const enough = Number(major) > goNeeded[0] || Number(minor) >= goNeeded[1];
  if (!enough) return { name, reason: `go ${goNeeded.join(".")} or later is not installed` };
  const source = join(scripts, "go_redis");
  const program = join(await homeFor("go-redis", source), "program");
  if (!(await exists(program))) {
    await must(go, ["build", "-trimpath", "-o", program, "."], {
      cwd: source,
      // Exactly what go.sum names, by this toolchain.
      env: { GOFLAGS: "-mod=readonly", GOTOOLCHAIN: "local" },
      timeoutMs,
    });
  }
  const start: RedisDriver["run"] = (endpoint, mode) =>
    run(program, [], { timeoutMs, env: variablesOf(endpoint, mode) });
  return { name, run: start };
}

export async function javaDriver(): Promise<RedisDriver | MissingDriver> {
  const name = "jedis";
  const reason = await javaLacks();
  if (reason !== null) return { name, reason };
  const source = join(scripts, "jedis");
  const home = await homeFor("jedis", source);
  if (!(await exists(join(home, ".done")))) {
    const goal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";
    await must("mvn", [
      ...["-q", "-B", "-f", join(source, "pom.xml"), goal],
      ...[`-DoutputDirectory=${join(home, "jars")}`, "-DincludeScope=runtime"],
    ], { timeoutMs });
    const classes = ["-cp", join(home, "jars", "*"), "-d", home, join(source, "Common.java")];
    await must("javac", ["-encoding", "UTF-8", ...classes]);
    await Deno.writeTextFile(join(home, ".done"), "");
  }
  const classes = `${home}:${join(home, "jars", "*")}`;
  return { name, run: (endpoint, mode) => runJava(classes, endpoint, mode) };
}

/** Why Java programs can't be built and run here; null when they can. */
async function javaLacks(): Promise<string | null> {
  for (const program of ["java", "javac", "mvn", "openssl"]) {
    if (await which(program) === null) return `${program} is not installed`;
  }
  const { stdout } = await run("javac", ["-version"]);
  const version = Number(/javac (\d+)/.exec(stdout)?.[1] ?? 0);
  return version >= javaNeeded ? null : `Java ${javaNeeded} or later is not installed`;
}

async function runJava(
  classes: string,
  endpoint: RedisEndpoint,
  mode: DriverMode | undefined,
): Promise<Finished> {
  const file = await Deno.makeTempFile({ prefix: "remoteler-key-" });
  try {
    await must("openssl", [
      ...["pkcs12", "-export", "-in", endpoint.cert, "-inkey", endpoint.key],
      ...["-passout", "pass:lab", "-out", file],
    ]);
    const options = ["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
    return await run("java", [
      ...[...options, "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-cp", classes, "Common"],
    ], { timeoutMs, env: { ...variablesOf(endpoint, mode), REDIS_KEY_PKCS12: file } });
  } finally {
    await Deno.remove(file);
  }
}

/** A folder in the cache that is another one when a file of the sources is. */
async function homeFor(name: string, folder: string): Promise<string> {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) if (isFile) names.push(name);
  const texts = names.sort().map((name) => Deno.readTextFile(join(folder, name)));
  const sources = new TextEncoder().encode((await Promise.all(texts)).join("\n"));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", sources));
  const home = join(cacheDir(), `${name}-${hash.toHex().slice(0, 16)}`);
  await Deno.mkdir(home, { recursive: true });
  return home;
}
