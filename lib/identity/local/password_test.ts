import { equal, notEqual, ok, rejects, throws } from "node:assert/strict";
import { SeededRandom } from "../../../tests/fakes/random.ts";
import { lockMs } from "./lockout.ts";
import { type Argon2, checkPassword, passwords, sameBytes } from "./password.ts";

/** Derives at once or when told; remembers what it was asked. */
class FakeArgon2 implements Argon2 {
  readonly orders: Parameters<Argon2["derive"]>[0][] = [];
  hold: Promise<void> | null = null;

  async derive(order: Parameters<Argon2["derive"]>[0]): Promise<Uint8Array> {
    this.orders.push(order);
    await this.hold;
    const bytes = new TextEncoder().encode(`${order.salt.toHex()} ${order.password}`);
    return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  }
}

Deno.test("a hash carries its parameters and own salt, and fits its password alone", async () => {
  const words = passwords(new FakeArgon2(), new SeededRandom());
  const hash = await words.hash("correct horse");
  ok(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/.test(hash), hash);
  notEqual(await words.hash("correct horse"), hash);
  equal(await words.verify("correct horse", hash), true);
  equal(await words.verify("correct horsf", hash), false);
  equal(await words.verify("", hash), false);
});

Deno.test("no account takes the same work as one, and is false", async () => {
  const argon2 = new FakeArgon2();
  const words = passwords(argon2, new SeededRandom());
  const hash = await words.hash("correct horse");
  equal(await words.verify("correct horse", hash), true);
  equal(await words.verify("correct horse", null), false);
  const [, known, unknown] = argon2.orders;
  equal(JSON.stringify({ ...known, salt: 16 }), JSON.stringify({ ...unknown, salt: 16 }));
  equal(unknown?.salt.length, 16);
});

Deno.test("the same letters composed in another way are the same password", async () => {
  const words = passwords(new FakeArgon2(), new SeededRandom());
  const hash = await words.hash("caf\u00e9 caf\u00e9");
  equal(await words.verify("cafe\u0301 cafe\u0301", hash), true);
});

Deno.test("what is no password at all is false after the same work", async () => {
  const argon2 = new FakeArgon2();
  const words = passwords(argon2, new SeededRandom());
  const hash = await words.hash("");
  for (const bad of ["\ud800", "x".repeat(1025)]) equal(await words.verify(bad, hash), false);
  equal(argon2.orders.length, 3);
});

Deno.test("a damaged hash is a fault, not a wrong password", async () => {
  const words = passwords(new FakeArgon2(), new SeededRandom());
  await rejects(words.verify("x", "$2b$12$abc"), { code: "identity.bad-hash" });
});

Deno.test("at most 32 wait; the next is told to come again", async () => {
  const argon2 = new FakeArgon2();
  const { promise, resolve } = Promise.withResolvers<void>();
  argon2.hold = promise;
  const words = passwords(argon2, new SeededRandom());
  const waiting = Array.from({ length: 32 }, () => words.verify("x", null));
  await rejects(words.verify("x", null), { kind: "limit", code: "identity.busy" });
  resolve();
  await Promise.all(waiting);
  equal(await words.verify("x", null), false);
});

const weak: readonly [password: string, why: RegExp][] = [
  ["", /fewer than 12/],
  ["elevenchars", /fewer than 12/],
  ["\u{1f600}".repeat(11), /fewer than 12/],
  ["aaaaaaaaaaaaaaaa", /same few/],
  ["ababababababab", /same few/],
  ["alice.smithalice.smith", /user name/],
  ["Alice.Smith123", /user name/],
  ["x".repeat(1025), /longer than 1024/],
  ["é".repeat(600), /longer than 1024/],
  ["\ud800aaaaabcdefgh", /no text/],
];
for (const [password, why] of weak) {
  Deno.test(`${JSON.stringify(password.slice(0, 24))} is refused: ${why.source}`, () => {
    throws(
      () => checkPassword(password, "alice.smith"),
      (thrown: Error) => why.test(thrown.message),
    );
  });
}

Deno.test("twelve characters of any script will do", () => {
  checkPassword("correct horse", "alice");
  checkPassword("съешь же ещё этих", "alice");
  checkPassword("abcdefghijkl", "al");
});

Deno.test("a lockout starts at five failures with 30 s and doubles to 20 minutes", () => {
  const wanted = [0, 0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1200, 1200];
  equal(wanted.map((_, n) => lockMs(n) / 1000).join(), wanted.join());
  equal(lockMs(1e6), 1_200_000);
});

Deno.test("bytes are the same only when all are", () => {
  equal(sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2)), true);
  equal(sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false);
  equal(sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1)), false);
  equal(sameBytes(Uint8Array.of(), Uint8Array.of(0)), false);
});
