import { rejects, strictEqual } from "node:assert/strict";
import { userId } from "./env.ts";
import { findProgram, kernelAddress, loopbackPeerUser, runProgram } from "./process.ts";
import { connectTcp, listenTcp } from "./tcp.ts";

Deno.test("a program's exit code is ours, and a missing program is named", async () => {
  strictEqual(await runProgram("sh", ["-c", "exit 7"]), 7);
  strictEqual(await runProgram("sh", ["-c", 'exit "$N"'], { environment: { N: "9" } }), 9);
  await rejects(runProgram("no-such-program-here", []), /no-such-program-here is not installed/);
  strictEqual((await findProgram("sh"))?.endsWith("/sh"), true);
  strictEqual(await findProgram("no-such-program-here"), null);
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
