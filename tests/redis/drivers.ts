/** The real clients that the tests run: where they are, how each is started. */
import { fromFileUrl, join } from "../../scripts/lab/paths.ts";
import {
  cacheDir,
  exists,
  type Finished,
  must,
  npmPackages,
  run,
  which,
} from "../../scripts/lab/tools.ts";
import { pythonWith } from "../postgres/drivers.ts";

type Env = Readonly<Record<string, string>>;

/** One real client and its script. */
export interface Driver {
  readonly name: string;
  /** Runs the script with the variables of drivers/README.md in `env`. */
  run(env: Env): Promise<Finished>;
}

/** A client that can't be had here, and why. */
export interface MissingDriver {
  readonly name: string;
  readonly reason: string;
}

const scripts = fromFileUrl(new URL("./drivers/", import.meta.url));
const nodePackages = { "ioredis": "5.8.2", "redis": "5.10.0" };
const pythonPackages = ["redis==7.1.0"];
/** Its own dependencies, by the versions of its pom. */
const javaArtifacts = [
  "redis.clients:jedis:7.1.0",
  "redis.clients.authentication:redis-authx-core:0.1.1-beta2",
  "org.slf4j:slf4j-api:1.7.36",
  "org.slf4j:slf4j-nop:1.7.36",
  "org.apache.commons:commons-pool2:2.12.1",
  "org.json:json:20250517",
  "com.google.code.gson:gson:2.13.2",
] as const;
const goNeeded = [1, 23] as const;
const timeoutMs = 300_000;

/** Every driver of the common script, installed where that is possible. */
export async function allDrivers(): Promise<(Driver | MissingDriver)[]> {
  return [...await nodeDrivers(), await pythonDriver(), await goDriver(), await javaDriver()];
}

async function nodeDrivers(): Promise<(Driver | MissingDriver)[]> {
  const files = [["ioredis", "with_ioredis.mjs"], ["node-redis", "with_node_redis.mjs"]] as const;
  const node = await which("node");
  if (node === null) return files.map(([name]) => ({ name, reason: "node is not installed" }));
  const home = await npmPackages("redis-drivers", nodePackages);
  await Deno.copyFile(join(scripts, "shared.mjs"), join(home, "shared.mjs"));
  return await Promise.all(files.map(async ([name, file]) => {
    // Imports are looked up from the script's own folder.
    const script = join(home, file);
    await Deno.copyFile(join(scripts, file), script);
    return { name, run: (env: Env) => run(node, [script], { env: { ...env }, timeoutMs }) };
  }));
}

async function pythonDriver(): Promise<Driver | MissingDriver> {
  const name = "redis-py";
  const python = await pythonWith(pythonPackages);
  if (typeof python !== "string") return { name, reason: python.reason };
  const script = join(scripts, "with_redis_py.py");
  return { name, run: (env) => run(python, [script], { env: { ...env }, timeoutMs }) };
}

async function goDriver(): Promise<Driver | MissingDriver> {
  const name = "go-redis";
  const go = await which("go");
  if (go === null) return { name, reason: "go is not installed" };
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(await must(go, ["env", "GOVERSION"])) ?? [];
  const enough = Number(major) > goNeeded[0] || Number(minor) >= goNeeded[1];
  if (!enough) return { name, reason: `go ${goNeeded.join(".")} or later is not installed` };
  const source = join(scripts, "go");
  const home = await homeFor("go-redis", join(source, "main.go"));
  const program = join(home, "program");
  if (!(await exists(program))) {
    await must(go, ["build", "-trimpath", "-o", program, "."], {
      cwd: source,
      // Exactly what go.sum names, by this toolchain.
      env: { GOFLAGS: "-mod=readonly", GOTOOLCHAIN: "local" },
      timeoutMs: 600_000,
    });
  }
  return { name, run: (env) => run(program, [], { env: { ...env }, timeoutMs }) };
}

async function javaDriver(): Promise<Driver | MissingDriver> {
  const name = "jedis";
  for (const program of ["java", "javac", "mvn", "openssl", "keytool"]) {
    if (await which(program) === null) return { name, reason: `${program} is not installed` };
  }
  const source = join(scripts, "java", "Common.java");
  const home = await homeFor("jedis", source);
  if (!(await exists(join(home, ".done")))) {
    for (const artifact of javaArtifacts) {
      await must("mvn", [
        ...["-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"],
        `-Dartifact=${artifact}`,
        `-DoutputDirectory=${home}`,
      ], { timeoutMs: 600_000 });
    }
    await must("javac", ["-encoding", "UTF-8", "-cp", `${home}/*`, "-d", home, source]);
    await Deno.writeTextFile(join(home, ".done"), "");
  }
  return { name, run: (env) => runJava(`${home}:${home}/*`, env) };
}

/** Java reads keys and authorities out of stores of its own. */
async function runJava(classes: string, env: Env): Promise<Finished> {
  const dir = await Deno.makeTempDir({ prefix: "remoteler-java-" });
  const [own, trust] = [join(dir, "own.p12"), join(dir, "trust.p12")];
  try {
    await must("openssl", [
      ...["pkcs12", "-export", "-passout", "pass:changeit", "-out", own],
      ...["-in", env["REDIS_CERT"] ?? "", "-inkey", env["REDIS_KEY"] ?? ""],
    ]);
    await must("keytool", [
      ...["-importcert", "-noprompt", "-alias", "ca", "-file", env["REDIS_CA"] ?? ""],
      ...["-keystore", trust, "-storetype", "PKCS12", "-storepass", "changeit"],
    ]);
    const options = ["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
    return await run("java", [...options, "-cp", classes, "Common"], {
      env: { ...env, REDIS_STORE: own, REDIS_TRUST: trust, LC_ALL: "C.UTF-8" },
      timeoutMs,
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** A folder in the cache that is another one when the source is. */
async function homeFor(name: string, source: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", await Deno.readFile(source));
  const home = join(cacheDir(), `${name}-${new Uint8Array(hash).toHex().slice(0, 16)}`);
  await Deno.mkdir(home, { recursive: true });
  return home;
}
