import { strictEqual } from "node:assert/strict";
import { Recorder } from "../../tests/fakes/pipe.ts";
import { dial, fakeClusterOf, runProxy, userPair } from "./proxy_fake.ts";

Deno.test("clients that are silent inside TLS are let go when their time is over", async () => {
  const cluster = await fakeClusterOf();
  const { proxy, port } = await runProxy(cluster);
  const alice = await userPair(cluster.userCa);
  const told: Recorder[] = [];
  for (const pair of [alice, null]) {
    const client = await dial(port, pair, ["postgresql"]);
    const recorder = new Recorder();
    client.attach(recorder);
    told.push(recorder);
  }
  // The same signal as that of the timer; it waits for every socket to be closed.
  await proxy.stop();
  await new Promise((resolve) => setTimeout(resolve, 50));
  strictEqual(told.filter(({ isEnded, outcome }) => isEnded || outcome !== undefined).length, 2);
});
