/** Who may answer end to end, and which commands go that way. */
import assert from "node:assert/strict";
import { settled } from "../../tests/fakes/clock.ts";
import { pipe, type PipeEnd, Recorder } from "../../tests/fakes/pipe.ts";
import { Fault } from "../core/fault.ts";
import type { HostIdentity } from "../core/identity.ts";
import { type FakeComputer, fakeComputer } from "./client_fake.ts";

const login = ["login", "--proxy=db.example.com", "--user=alice", "--password-stdin"];
const startup = Uint8Array.of(0, 0, 0, 9, 0, 3, 0, 0, 0);
const cancel = Uint8Array.of(0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 1, 0, 0, 0, 2);
const agent = { systemRoles: ["db"], services: ["orders"] } as const;

/** Alice, logged in, and an agent that answers. */
async function loggedIn(change: Partial<HostIdentity> = agent): Promise<FakeComputer> {
  const computer = await fakeComputer();
  computer.agent = await computer.hostChain(change);
  computer.connect = () => pipe()[0];
  await computer.tsh(login, "a password\n");
  return computer;
}

async function soon(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await settled();
  }
}

/** `tsh proxy db ARGS`, with a program that has connected and said `first`. */
async function throughPort(computer: FakeComputer, args: string[], first: Uint8Array) {
  const ended = computer.tsh(["proxy", "db", ...args]);
  await soon();
  const [client, end] = pipe();
  const received = new Recorder();
  client.attach(received);
  computer.listening?.(Object.assign(end, { localAddress: "127.0.0.1:45001" }));
  client.write(first);
  await soon();
  const stop = async () => {
    client.end();
    computer.stop.abort();
    return await ended;
  };
  return { received, stop };
}

function lastNames({ dialled }: FakeComputer) {
  const options = dialled.at(-1)?.options;
  return [options?.serverName, options?.alpn?.[0], options?.minVersion];
}

const endToEnd = ["orders.db.example.test", "remoteler-postgres", "TLSv1.3"];
const atProxy = ["db.example.com", "remoteler-postgres", undefined];

Deno.test("proxy db --end-to-end names the database in its ClientHello", async () => {
  const computer = await loggedIn();
  const { stop } = await throughPort(computer, ["orders", "--end-to-end"], startup);
  assert.deepEqual(lastNames(computer), endToEnd);
  const said = await stop();
  assert.equal(said.code, 0, said.stderr);
  assert.match(said.stderr, /orders is at 127\.0\.0\.1:45001, end to end, until Ctrl-C/);
});

Deno.test("requests to cancel go to the proxy, which finds their session by the key", async () => {
  const computer = await loggedIn();
  const { stop } = await throughPort(computer, ["orders", "--end-to-end"], cancel);
  assert.deepEqual(lastNames(computer), atProxy);
  await stop();
});

const foreign: readonly [what: string, change: Partial<HostIdentity> | null, words: RegExp][] = [
  ["the proxy", null, /not the Database Service of orders: the service has not the role/],
  [
    "an agent for other databases",
    { systemRoles: ["db"], services: ["billing", "o*x"] },
    /may not/,
  ],
  ["an agent for other labels", { systemRoles: ["db"], services: ["label:env=test"] }, /may not/],
  ["a host of another cluster", { ...agent, cluster: "elsewhere.test" }, /of another cluster/],
];
for (const [what, change, words] of foreign) {
  Deno.test(`${what} is refused where it answers end to end, and told nothing`, async () => {
    const computer = await loggedIn(change ?? {});
    if (change === null) computer.agent = null;
    let dialled: PipeEnd | null = null;
    computer.connect = () => (dialled = pipe()[0]);
    const { received, stop } = await throughPort(computer, ["orders", "--end-to-end"], startup);
    assert.match(received.text, /^E[^]*C28000[^]*Database Service of orders/);
    assert.match(received.text, words);
    assert.equal(dialled, null);
    await stop();
  });
}

Deno.test("an agent may be allowed by the database's labels", async () => {
  const computer = await loggedIn({ systemRoles: ["db"], services: ["label:env=prod"] });
  const { received, stop } = await throughPort(computer, ["orders", "--end-to-end"], startup);
  assert.equal(received.text, "");
  await stop();
});

for (const alert of ["unrecognized_name", "internal_error"] as const) {
  Deno.test(`the proxy's ${alert} says that no agent takes the session`, async () => {
    const computer = await loggedIn();
    computer.connect = () => {
      const fields = { alert, errno: "ERR_SSL" };
      throw new Fault({ kind: "network", code: "sys.tls-handshake", message: "alert", fields });
    };
    const said = await computer.tsh(["db", "shell", "orders", "--end-to-end"], "select 1;\n");
    assert.equal(said.code, 7);
    assert.match(said.stderr, /no (connected )?Database Service (serves|of) orders/);
  });
}

Deno.test("roles that want end to end: commands go that way by themselves", async () => {
  const computer = await loggedIn({ systemRoles: ["db"], services: ["*"] });
  const { stop } = await throughPort(computer, ["billing"], startup);
  assert.deepEqual(lastNames(computer), ["billing.db.example.test", ...endToEnd.slice(1)]);
  assert.match((await stop()).stderr, /end to end/);
});

Deno.test("roles that want end to end: db login says that programs need a local port", async () => {
  const computer = await loggedIn();
  const said = await computer.tsh(["db", "login", "billing"]);
  assert.equal(said.stdout, "tsh db connect billing\n");
  assert.match(said.stderr, /your roles want end to end for billing[^]*tsh proxy db billing/);
  for (const args of [["db", "env", "billing"], ["db", "config", "billing"]]) {
    assert.match((await computer.tsh(args)).stderr, /tsh proxy db billing/);
  }
  const cmd = await computer.tsh(["db", "config", "billing", "--format=cmd"]);
  assert.equal(cmd.stdout, "tsh db connect billing\n");
});

Deno.test("db connect runs psql on a local port that is gone afterwards", async () => {
  const computer = await loggedIn();
  const said = await computer.tsh(["db", "connect", "billing", "--", "-c", "select 1"]);
  assert.equal(said.code, 0, said.stderr);
  assert.deepEqual(computer.launched[0]?.args, [
    "host=127.0.0.1 port=45001 user=alice dbname=bills sslmode=disable",
    ...["-c", "select 1"],
  ]);
  assert.equal(computer.listening, null);
  await computer.tsh(["db", "connect", "orders", "--end-to-end"]);
  assert.match(computer.launched[1]?.args[0] ?? "", /^host=127\.0\.0\.1 port=45001 user=app/);
});
