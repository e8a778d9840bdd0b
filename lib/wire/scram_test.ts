import { strictEqual, throws } from "node:assert/strict";
import { pbkdf2Sync } from "node:crypto";
import type { Handshake, Reply } from "./protocol.ts";
import { saslPrep, scramClient } from "./scram.ts";
import { WireError } from "./wire_error.ts";

const fail = (detail: string) => new WireError("test", "malformed", "SCRAM", detail);

function final(script: Handshake<string>): string {
  let reply: Reply;
  for (;;) {
    const turn = script.next(reply);
    if (turn.done) return turn.value;
    if (turn.value.do !== "pbkdf2") throw new Error("Unexpected step");
    const { password, salt, iterations, bytes, hash } = turn.value;
    const digest = hash === "SHA-256" ? "sha256" : "sha1";
    reply = pbkdf2Sync(password, salt, iterations, bytes, digest);
  }
}

const nonce = Uint8Array.from(atob("rOprNGfwEbeRWgbNEkqO"), (c) => c.charCodeAt(0));
const serverNonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const run = () => scramClient({ hash: "SHA-256", user: "user", password: "pencil", nonce, fail });

Deno.test("SCRAM-SHA-256 gives the messages of RFC 7677 section 3", () => {
  const client = run();
  strictEqual(client.first, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  const sent = final(client.final(`r=${serverNonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`));
  strictEqual(
    sent,
    `c=biws,r=${serverNonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
  );
  client.verify("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  throws(() => client.verify("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), WireError);
  throws(() => client.verify("e=invalid-proof"), WireError);
});

const broken = [
  "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  `r=${serverNonce},s=,i=4096`,
  `r=${serverNonce},s=W22Z,i=0`,
  `r=${serverNonce},s=W22Z,i=4294967296`,
  `r=${serverNonce},s=W22Z,i=1000001`,
  `m=x,r=${serverNonce},s=W22Z,i=4096`,
];
for (const text of broken) {
  Deno.test(`the server may not begin with ${text}`, () => {
    throws(() => final(run().final(text)), WireError);
  });
}

Deno.test("passwords are prepared as RFC 4013 says, or used as they are", () => {
  strictEqual(saslPrep("plain ASCII"), "plain ASCII");
  strictEqual(saslPrep("I\u00adX"), "IX");
  strictEqual(saslPrep("\u00aa\u00a0\u2168"), "a IX");
  strictEqual(saslPrep("\u0007\u00e4"), "\u0007\u00e4");
});
