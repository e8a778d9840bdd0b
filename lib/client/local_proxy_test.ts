import assert from "node:assert/strict";
import { settled } from "../../tests/fakes/clock.ts";
import { pipe, type PipeEnd, Recorder } from "../../tests/fakes/pipe.ts";
import { type FakeComputer, fakeComputer } from "./client_fake.ts";

async function soon(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await settled();
  }
}

interface Running {
  readonly computer: FakeComputer;
  readonly far: { readonly end: PipeEnd; readonly received: Recorder }[];
  stop(): Promise<{ readonly code: number; readonly stdout: string }>;
}

/** `tsh proxy db orders ARGS`, with what its connections lead to. */
async function run(...args: string[]): Promise<Running> {
  const computer = await fakeComputer();
  // A connection each, and plain inside: shared_link_test.ts has the other kind.
  computer.isOld = true;
  await computer.tsh(
    ["login", "--proxy=db.example.com", "--user=alice", "--password-stdin"],
    "a password\n",
  );
  const far: { end: PipeEnd; received: Recorder }[] = [];
  computer.connect = () => {
    const [near, end] = pipe();
    const received = new Recorder();
    end.attach(received);
    far.push({ end, received });
    return near;
  };
  const done = computer.tsh(["proxy", "db", "orders", ...args]);
  await soon();
  assert.ok(computer.listening !== null);
  return {
    computer,
    far,
    stop: async () => {
      computer.stop.abort();
      return await done;
    },
  };
}

function connect(
  { computer }: Running,
): { readonly client: PipeEnd; readonly received: Recorder } {
  const [client, end] = pipe();
  const received = new Recorder();
  client.attach(received);
  computer.listening?.(Object.assign(end, { localAddress: "127.0.0.1:45001" }));
  return { client, received };
}

const sslRequest = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);
const startup = Uint8Array.of(0, 0, 0, 9, 0, 3, 0, 0, 0);
const cancel = Uint8Array.of(0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 1, 0, 0, 0, 2);

Deno.test("--tunnel says no to encryption and makes the TLS itself", async () => {
  const running = await run("--tunnel");
  const { client, received } = connect(running);
  client.write(sslRequest);
  await soon();
  assert.equal(received.text, "N");
  client.write(startup);
  await soon();
  assert.deepEqual(running.far[0]?.received.whole, startup);
  const dialled = running.computer.dialled.at(-1);
  assert.deepEqual(dialled?.options.alpn, ["remoteler-client-tunnel", "remoteler-postgres"]);
  assert.match(String(dialled?.options.keyPair?.key), /PRIVATE KEY/);
  running.far[0]?.end.write(new TextEncoder().encode("welcome"));
  await soon();
  assert.equal(received.text, "Nwelcome");
  const said = await running.stop();
  assert.equal(said.code, 0);
  assert.equal(said.stdout, "127.0.0.1:45001\n");
  assert.ok(client.isClosed);
});

Deno.test("--tunnel passes cancel requests on", async () => {
  const running = await run("--tunnel");
  const { client } = connect(running);
  client.write(cancel);
  await soon();
  assert.deepEqual(running.far[0]?.received.whole, cancel);
  await running.stop();
});

for (const peer of [1001, null]) {
  Deno.test(`--tunnel refuses programs of user ${peer} in their own words`, async () => {
    const running = await run("--tunnel");
    running.computer.peerUser = peer;
    const { client, received } = connect(running);
    client.write(sslRequest);
    await soon();
    client.write(startup);
    await soon();
    assert.match(received.text, /C42501\0Mthis port belongs to another user/);
    assert.equal(running.far.length, 0);
    client.end();
    await running.stop();
  });
}

Deno.test("--tunnel renews the certificate before its end", async () => {
  const running = await run("--tunnel");
  const count = () => running.computer.asked.filter(({ path }) => path.endsWith(".route")).length;
  assert.equal(count(), 1);
  await running.computer.clock.step(56 * 60_000);
  const { client } = connect(running);
  client.write(startup);
  await soon();
  assert.equal(count(), 2);
  assert.equal(running.far.length, 1);
  await running.stop();
});

Deno.test("without --tunnel the program's own bytes pass, and half-closes too", async () => {
  const running = await run();
  const { client, received } = connect(running);
  client.write(sslRequest);
  await soon();
  assert.deepEqual(running.far[0]?.received.whole, sslRequest);
  client.end();
  await soon();
  assert.ok(running.far[0]?.received.isEnded);
  running.far[0]?.end.write(new TextEncoder().encode("S"));
  running.far[0]?.end.end();
  await soon();
  assert.equal(received.text, "S");
  assert.equal(received.outcome, null);
  await running.stop();
});

Deno.test("a reader that is slow holds the other side back", async () => {
  const running = await run();
  const { client } = connect(running);
  await soon();
  client.pause();
  for (let i = 0; i < 64; i++) running.far[0]?.end.write(new Uint8Array(16_384));
  await soon();
  assert.ok((running.far[0]?.end.queuedBytes ?? 0) > 40 * 16_384);
  client.resume();
  await soon();
  assert.equal(running.far[0]?.end.queuedBytes, 0);
  await running.stop();
});

Deno.test("the port stays the same", async () => {
  const running = await run("--port=45777");
  await running.stop();
  const ports = [...running.computer.files].find(([file]) => file.endsWith("ports.json"));
  assert.deepEqual(JSON.parse(ports?.[1] ?? ""), { orders: 45777 });
});
