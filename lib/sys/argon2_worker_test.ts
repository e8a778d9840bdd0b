import { deepEqual, equal, rejects } from "node:assert/strict";
import { startArgon2 } from "./argon2_worker.ts";

const order = {
  password: "password",
  salt: new TextEncoder().encode("somesalt"),
  memoryKib: 256,
  passes: 2,
  lanes: 1,
  length: 32,
};

Deno.test("the thread derives what the reference implementation derives", async () => {
  const argon2 = startArgon2();
  // phc-winner-argon2, src/test.c: argon2id, version 0x13, t=2, m=2^8, p=1.
  const wanted = "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe";
  equal((await argon2.derive(order)).toHex(), wanted);
  const all = await Promise.all(
    ["a", "b", "a"].map((password) => argon2.derive({ ...order, password })),
  );
  deepEqual(all[0], all[2]);
  equal(all[0]?.toHex() === all[1]?.toHex(), false);
  await argon2.close();
});

Deno.test("what it can't derive is a fault, and it goes on", async () => {
  const argon2 = startArgon2();
  await rejects(argon2.derive({ ...order, memoryKib: 1 }), { code: "sys.argon2-gone" });
  equal((await argon2.derive(order)).length, 32);
  await argon2.close();
  await rejects(argon2.derive(order), { code: "sys.argon2-gone" });
});

Deno.test("a closed thread rejects what waits", async () => {
  const argon2 = startArgon2();
  const waiting = rejects(argon2.derive({ ...order, memoryKib: 19456 }), {
    code: "sys.argon2-gone",
  });
  await argon2.close();
  await waiting;
});
