import { rejects, strictEqual } from "node:assert/strict";
import { ownExecutable, userId } from "./env.ts";
import { findProgram, kernelAddress, loopbackPeerUser, outputOf, runProgram } from "./process.ts";
import { connectTcp, listenTcp } from "./tcp.ts";

Deno.test("a program's exit code is ours, and a missing program is named", async () => {
  strictEqual(await runProgram("sh", ["-c", "exit 7"]), 7);
  strictEqual(await runProgram("sh", ["-c", 'exit "$N"'], { environment: { N: "9" } }), 9);
  await rejects(runProgram("no-such-program-here", []), /no-such-program-here is not installed/);
  strictEqual((await findProgram("sh"))?.endsWith("/sh"), true);
  strictEqual(await findProgram("no-such-program-here"), null);
});

Deno.test("children get our environment, without what our launcher put there", async () => {
  const script = 'printf "%s|%s|%s" "${PATH:+path}" "${DENO_DIR-}" "${REMOTELER_EXECUTABLE-}"';
  const before = Deno.env.get("DENO_DIR");
  Deno.env.set("DENO_DIR", "/theirs");
  try {
    strictEqual(await outputOf("sh", ["-c", script]), "path|/theirs|");
    Deno.env.set("REMOTELER_EXECUTABLE", "/usr/bin/tsh");
    strictEqual(await outputOf("sh", ["-c", script]), "path||");
    strictEqual(await runProgram("sh", ["-c", `test -z "$DENO_DIR" && test -n "$PATH"`]), 0);
    strictEqual(ownExecutable(), "/usr/bin/tsh");
  } finally {
    Deno.env.delete("REMOTELER_EXECUTABLE");
    if (before === undefined) Deno.env.delete("DENO_DIR");
    else Deno.env.set("DENO_DIR", before);
  }
  strictEqual(ownExecutable(), null);
});

Deno.test("addresses are written as the kernel writes them", () => {
  strictEqual(kernelAddress("127.0.0.1:8080"), "0100007F:1F90");
  strictEqual(kernelAddress("[::1]:8080"), "00000000000000000000000001000000:1F90");
  strictEqual(kernelAddress("nowhere"), null);
});

for (
  const [host, through] of [
    ["127.0.0.1", "127.0.0.1"],
    ["127.0.0.1", "::ffff:127.0.0.1"],
    ["::1", "::1"],
  ] as const
) {
  Deno.test(`the user at the other end of a connection through ${through} is known`, async () => {
    const seen = Promise.withResolvers<number | null>();
    const listener = await listenTcp({ host, port: 0 }, (stream) => {
      loopbackPeerUser(stream.remoteAddress, stream.localAddress).then((user) => {
        stream.abort();
        seen.resolve(user);
      }, seen.reject);
    });
    const client = await connectTcp({ host: through, port: listener.address.port });
    strictEqual(await seen.promise, userId());
    client.abort();
    await listener.close();
  });
}
