/** Drivers whose scripts are compiled first: go-redis for Go, jedis for Java. */
import { fromFileUrl, join } from "../../scripts/lab/paths.ts";
import { exists, type Finished, must, run } from "../../scripts/lab/tools.ts";
import { goLacks, goProgram, homeFor, javaLacks, sourcesOf } from "../postgres/compiled_drivers.ts";
import { type DriverMode, type MissingDriver, type RedisDriver, variablesOf } from "./drivers.ts";
import type { RedisEndpoint } from "./endpoint.ts";

const scripts = fromFileUrl(new URL("./drivers/", import.meta.url));
const timeoutMs = 600_000;

export async function goDriver(): Promise<RedisDriver | MissingDriver> {
  const name = "go-redis";
  // What go.mod asks for; Debian 12's own is too old.
  const lacks = await goLacks([1, 23]);
  if (lacks !== null) return { name, reason: lacks };
  const program = await goProgram(name, join(scripts, "go_redis"));
  const start: RedisDriver["run"] = (endpoint, mode) =>
    run(program, [], { timeoutMs, env: variablesOf(endpoint, mode) });
  return { name, run: start };
}

export async function javaDriver(): Promise<RedisDriver | MissingDriver> {
  const name = "jedis";
  const reason = await javaLacks();
  if (reason !== null) return { name, reason };
  const source = join(scripts, "jedis");
  const home = await homeFor(name, await sourcesOf(source));
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
