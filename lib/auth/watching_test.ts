import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { maxWaiting } from "../backend/watch_buffer.ts";
import { rfc3339 } from "../core/clock.ts";
import { addAgent, addHost, database, heartbeat, openSite } from "./auth_fake.ts";
import { putOf, resourcePrefix } from "./store.ts";

Deno.test("heartbeats of a large fleet are nothing to those who watch other kinds", async () => {
  const site = await openSite();
  const agent = await addHost(site, "db");
  const end = new AbortController();
  const kinds = ["role", "user", "lock"] as const;
  const watch = agent.client.stream("watch", { kinds: [...kinds] }, end.signal);
  const changes = watch[Symbol.asyncIterator]();
  while ((await changes.next()).value?.type !== "ready");
  // More than what may wait for a reader that doesn't read.
  for (let n = 0; n <= maxWaiting; n++) {
    const key = [...resourcePrefix, "agent", `agent-${n % 1000}`];
    await site.backend.commit({ puts: [{ key, value: new Uint8Array(1) }], mayBeLost: true });
  }
  await site.backend.commit({
    puts: [putOf({
      kind: "lock",
      version: "v1",
      metadata: { name: "l", labels: {} },
      spec: { target: { user: "alice" }, message: "" },
    })],
  });
  const { value } = await changes.next();
  strictEqual(value?.type === "put" ? value.resource.metadata.name : value, "l");
  end.abort();
  await changes.return?.();
  await site.close();
});

Deno.test("a lease that is renewed keeps its bytes, and tells when it ends", async () => {
  const site = await openSite();
  const agent = await addAgent(site, database("prod"));
  const stored = () => site.backend.get([...resourcePrefix, "agent", agent.joined.host]);
  const shown = async () =>
    (await site.admin.call("resources.list", { kind: "agent" })).resources
      .map(({ metadata }) => metadata.expires);
  const before = await stored();
  deepStrictEqual(await shown(), [rfc3339(before?.expires ?? 0)]);
  await site.clock.step(15_000);
  await heartbeat(agent, database("prod"));
  const after = await stored();
  deepStrictEqual(after?.value, before?.value);
  strictEqual(after?.expires, (before?.expires ?? 0) + 15_000);
  deepStrictEqual(await shown(), [rfc3339(after?.expires ?? 0)]);
  await site.close();
});
