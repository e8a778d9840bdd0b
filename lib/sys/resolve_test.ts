import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { resolveHost } from "./resolve.ts";

const { signal } = new AbortController();

Deno.test("an address is its own, localhost is on the loopback", async () => {
  deepStrictEqual(await resolveHost("192.0.2.7", signal), ["192.0.2.7"]);
  const all = await resolveHost("localhost", signal);
  ok(all.includes("127.0.0.1") || all.includes("::1"), all.join());
});

Deno.test("a name that can't be is a fault with the system's word for it", async () => {
  await rejects(resolveHost("no-such-host.invalid", signal), (thrown: unknown) => {
    const { kind, fields } = thrown as { kind: string; fields: Record<string, unknown> };
    return kind === "network" && /^(ENOTFOUND|EAI_AGAIN|EAI_\w+)$/.test(String(fields["errno"]));
  });
});

Deno.test({
  name: "a lookup that is given up is not waited for",
  // The system's own lookup goes on to its end.
  sanitizeOps: false,
  fn: async () => {
    const stop = new AbortController();
    const looking = resolveHost("no-such-host.invalid", stop.signal);
    stop.abort(new Error("given up"));
    await rejects(looking, /given up/);
  },
});
