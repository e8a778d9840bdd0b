/** Certificates for the tests of this room, made by openssl once in a run. */
export interface TestPair {
  readonly chain: string;
  readonly key: string;
}

export interface TestCertificates {
  readonly ca: TestPair;
  readonly server: TestPair;
  readonly client: TestPair;
  /** Another server certificate of the same authority. */
  readonly other: TestPair;
}

let made: Promise<TestCertificates> | null = null;

/** A P-256 authority with a server certificate for `localhost` and a client certificate. */
export function testCertificates(): Promise<TestCertificates> {
  return made ??= make();
}

async function make(): Promise<TestCertificates> {
  const dir = await Deno.makeTempDir({ prefix: "remoteler-tls-" });
  try {
    await openssl(dir, [
      ["req", "-x509", ...newKey("ca"), "-out", "ca.crt", "-subj", "/CN=test", "-days", "2"],
    ]);
    await Deno.writeTextFile(`${dir}/san`, "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
    for (const name of ["server", "other", "client"]) {
      await openssl(dir, [
        ["req", ...newKey(name), "-out", `${name}.csr`, "-subj", `/CN=${name}`],
        [
          ...["x509", "-req", "-in", `${name}.csr`, "-CA", "ca.crt", "-CAkey", "ca.key"],
          ...["-CAcreateserial", "-days", "2", "-out", `${name}.crt`, "-extfile", "san"],
        ],
      ]);
    }
    const pair = async (name: string): Promise<TestPair> => ({
      chain: await Deno.readTextFile(`${dir}/${name}.crt`),
      key: await Deno.readTextFile(`${dir}/${name}.key`),
    });
    return {
      ca: await pair("ca"),
      server: await pair("server"),
      client: await pair("client"),
      other: await pair("other"),
    };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function newKey(name: string): string[] {
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  return [...curve, "-keyout", `${name}.key`];
}

async function openssl(cwd: string, runs: readonly (readonly string[])[]): Promise<void> {
  for (const args of runs) {
    const { success, stderr } = await new Deno.Command("openssl", { args: [...args], cwd })
      .output();
    if (!success) throw new Error(`openssl: ${new TextDecoder().decode(stderr)}`);
  }
}
