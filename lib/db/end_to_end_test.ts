/** Visits whose TLS ends at the agent: real TLS through what stands for a proxy and its tunnel. */
import assert from "node:assert/strict";
import { settled } from "../../tests/fakes/clock.ts";
import { pipe, Recorder } from "../../tests/fakes/pipe.ts";
import { query } from "../../tests/fakes/postgres_messages.ts";
import { fakeAuthority, fakeCluster, fakeHost, fakeHostCertificate } from "../ca/ca_fake.ts";
import { generateKey } from "../ca/mod.ts";
import { fakeUser } from "../ca/ca_fake.ts";
import { splice } from "../client/splice.ts";
import { Fault } from "../core/fault.ts";
import { serverNameOf } from "../core/server_name.ts";
import { listenTcp } from "../sys/tcp.ts";
import {
  connectTls,
  type KeyPair,
  startTlsServer,
  TlsContext,
  type TlsStream,
} from "../sys/tls.ts";
import { message } from "../../tests/fakes/postgres_messages.ts";
import { TlsFront } from "./end_to_end.ts";
import { startup } from "./postgres_fake.ts";
import { visit } from "./visit.ts";
import {
  agentHost,
  fakeLock,
  fakeRole,
  fakeRoute,
  type FakeSite,
  fakeSite,
  FakeTunnelStream,
} from "./visit_fake.ts";

const hosts = await fakeAuthority("host");
const hello = { user: "app", database: "shop", application_name: "psql" };

async function hostPair(): Promise<KeyPair & { readonly chain: readonly Uint8Array[] }> {
  const key = await generateKey();
  const { der } = await fakeHostCertificate(hosts, key, fakeHost({ host: agentHost }));
  return { chain: [der], key: key.privatePem() };
}

/** An agent's front on a port of its own; the proxy in between is a splice, as it should be. */
class Place implements AsyncDisposable {
  readonly site: FakeSite;
  keyPair: KeyPair;
  readonly streams: FakeTunnelStream[] = [];
  readonly visits: Promise<void>[] = [];
  readonly #open: { abort(): void }[] = [];
  port = 0;
  #close: () => Promise<void> = () => Promise.resolve();

  private constructor(site: FakeSite, keyPair: KeyPair) {
    this.site = site;
    this.keyPair = keyPair;
  }

  /** `service` is what the proxy says the stream is for. */
  static async open(service = "shop"): Promise<Place> {
    const place = new Place(await fakeSite(), await hostPair());
    await place.#listen(service);
    return place;
  }

  async #listen(service: string): Promise<void> {
    const { site } = this;
    const front = new TlsFront({
      identity: () => ({
        cluster: fakeCluster,
        host: agentHost,
        number: 513,
        keyPair: this.keyPair,
        hostAuthorities: [hosts.der],
      }),
      tlsContext: (keyPair) => new TlsContext(keyPair),
      startTlsServer,
      clock: site.clock,
      log: site.log,
    }, site.stop.signal);
    const header = { ...(await site.arrive()).header, kind: "tls", service, chain: [] } as const;
    const listener = await listenTcp({ host: "127.0.0.1", port: 0 }, (tcp) => {
      const [far, below] = pipe();
      const stream = new FakeTunnelStream(below);
      this.streams.push(stream);
      this.#open.push(tcp, far);
      void splice(tcp, far, { early: new Uint8Array(0), ended: false });
      const staying = front.receive(stream, header, site.target).then((arrival) =>
        arrival === null ? undefined : visit(arrival, site.powers)
      );
      this.visits.push(staying);
    });
    this.port = listener.address.port;
    this.#close = () => listener.close();
  }

  /** A client inside its TLS; the certificate is alice's for `shop` unless told otherwise. */
  async dial(
    change: { readonly route?: string; readonly bare?: boolean; readonly sni?: string } = {},
  ): Promise<TlsStream> {
    const { site } = this;
    const identity = fakeUser({ route: { ...fakeRoute, service: change.route ?? "shop" } });
    const { header: { chain } } = await site.arrive({ identity });
    const client = await connectTls({ host: "127.0.0.1", port: this.port }, {
      serverName: change.sni ?? serverNameOf("shop", fakeCluster),
      alpn: ["remoteler-postgres"],
      minVersion: "TLSv1.3",
      verify: () => null,
      ...(change.bare ? {} : { keyPair: { chain, key: site.userKey } }),
    });
    this.#open.push(client);
    return client;
  }

  /** Dials and starts a session. */
  async come(
    change: Parameters<Place["dial"]>[0] = {},
  ): Promise<{ readonly client: TlsStream; readonly received: Recorder }> {
    const client = await this.dial(change);
    const received = new Recorder();
    client.attach(received);
    client.write(startup(hello));
    await soon();
    return { client, received };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#open) one.abort();
    await this.#close();
    await soon();
    await this.site.clock.step(60_000);
    await Promise.all(this.visits);
    await soon();
  }
}

/** Handshakes take their own time. */
async function soon(): Promise<void> {
  for (let i = 0; i < 40; i++) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    await settled();
  }
}

function starts({ spool }: FakeSite) {
  return spool.log.flatMap(({ event }) => event.event === "db.session.start" ? [event] : []);
}

Deno.test("a session inside TLS of the agent goes the way of every visit", async () => {
  await using place = await Place.open();
  const { client, received } = await place.come();
  assert.deepEqual([...client.peerChain], [...place.keyPair.chain]);
  assert.equal(place.streams[0]?.state, "accepted");
  assert.match(received.text, /^R[^]*server_version[^]*K[^]*Z/);
  client.write(query("SELECT 1"));
  await soon();
  assert.deepEqual(place.site.servers[0]?.queries, ["SELECT 1"]);
  assert.equal(place.site.spool.lines.at(-1), "result done SELECT 1");
  const [start] = starts(place.site);
  assert.deepEqual([start?.end_to_end, start?.success, start?.user], [true, true, "alice"]);
  const [session] = place.site.powers.sessions;
  assert.equal(session?.grant.endToEnd, true);
});

Deno.test("a client without a certificate is told so, and nothing it says is read", async () => {
  await using place = await Place.open();
  const { received } = await place.come({ bare: true });
  assert.match(received.text, /^E[^]*C28000[^]*no client certificate/);
  assert.ok(received.isEnded);
  assert.notEqual(place.streams[0]?.state, "accepted");
  const [start] = starts(place.site);
  assert.deepEqual([start?.success, start?.user, start?.db_user], [false, "", ""]);
  assert.deepEqual(place.site.servers, []);
});

Deno.test("strangers can't fill the spool with events about them", async () => {
  await using place = await Place.open();
  for (let i = 0; i < 25; i++) (await place.dial({ bare: true })).abort();
  await soon();
  assert.equal(starts(place.site).length, 20);
  await place.site.clock.step(3_000);
  await place.come({ bare: true });
  await place.come({ bare: true });
  assert.equal(starts(place.site).length, 21);
});

Deno.test("a certificate for another service is refused, whatever the server name", async () => {
  await using place = await Place.open();
  const { received } = await place.come({ route: "billing" });
  assert.match(received.text, /^E[^]*C28000[^]*not for the database shop/);
  assert.equal(starts(place.site)[0]?.success, false);
});

for (
  const [what, service, sni] of [
    ["for another service than the client asked for", "shop", "billing.db.example.test"],
    ["of another cluster's name", "shop", "shop.db.elsewhere.test"],
    ["that the proxy calls another service's", "billing", "shop.db.example.test"],
  ] as const
) {
  Deno.test(`a stream ${what} is closed after the handshake`, async () => {
    await using place = await Place.open(service);
    const client = await place.dial({ sni }).catch((thrown) => {
      assert.ok(thrown instanceof Fault);
      return null;
    });
    const received = new Recorder();
    client?.attach(received);
    await soon();
    assert.equal(received.text, "");
    assert.deepEqual(place.site.spool.lines, []);
    assert.match(place.site.log.lines.join(), /handshake came to nothing/);
  });
}

Deno.test("a renewed host certificate is shown from the next handshake on", async () => {
  await using place = await Place.open();
  const before = await place.come();
  const old = place.keyPair;
  place.keyPair = await hostPair();
  const after = await place.come();
  assert.deepEqual([...before.client.peerChain], [...old.chain]);
  assert.deepEqual([...after.client.peerChain], [...place.keyPair.chain]);
  before.client.write(query("SELECT 1"));
  await soon();
  assert.deepEqual(place.site.servers[0]?.queries, ["SELECT 1"]);
});

Deno.test("a database that is down is told inside TLS; no other agent is asked", async () => {
  await using place = await Place.open();
  place.site.database.down = new Fault({ kind: "network", code: "test.down", message: "refused" });
  const { received } = await place.come();
  assert.match(received.text, /^E[^]*C08004[^]*can't be reached/);
  assert.equal(place.streams[0]?.resetWith, null);
});

Deno.test("a cancel request inside TLS reaches its session, with a certificate only", async () => {
  await using place = await Place.open();
  await place.come();
  const [session] = place.site.powers.sessions;
  assert.ok(session?.key);
  const { processId, secret } = session.key;
  const id = new Uint8Array(4);
  new DataView(id.buffer).setUint32(0, processId);
  const request = message("", Uint8Array.of(4, 210, 22, 46), id, secret);
  for (const bare of [true, false]) {
    const client = await place.dial({ bare });
    client.write(request);
    await soon();
    client.abort();
  }
  assert.equal(place.site.servers.length, 2);
  const opening = place.site.servers[1]?.openings[0];
  assert.deepEqual(opening?.subarray(8), Uint8Array.of(0, 0, 0, 77, 9, 9, 9, 9));
});

Deno.test("require_end_to_end refuses what a proxy could read, and lets the rest in", async () => {
  await using place = await Place.open();
  const { site } = place;
  const options = { require_end_to_end: true };
  site.cache.put({ ...fakeRole, spec: { ...fakeRole.spec, options } });
  const { stream, header, received, client } = await site.arrive();
  const staying = visit({ stream, header, target: site.target }, site.powers);
  client.write(startup(hello));
  await soon();
  assert.match(
    received.text,
    /^E[^]*C42501[^]*end to end[^]*Hconnect with: tsh db connect shop --end-to-end/,
  );
  const [refused] = starts(site);
  assert.deepEqual(
    [refused?.success, refused?.error?.code, refused?.end_to_end, refused?.user],
    [false, "db.end-to-end-required", false, "alice"],
  );
  client.end();
  await staying;
  await place.come();
  assert.deepEqual(starts(site).map(({ success }) => success), [false, true]);
});

Deno.test("a lock is told inside TLS", async () => {
  await using place = await Place.open();
  place.site.cache.put(fakeLock({ user: "alice" }));
  const { received } = await place.come();
  assert.match(received.text, /^E[^]*access is locked: on leave/);
});

Deno.test("a session resumed from one without a certificate gets no further", async () => {
  await using place = await Place.open();
  const context = new TlsContext(place.keyPair);
  const web = await listenTcp({ host: "127.0.0.1", port: 0 }, (tcp) => {
    startTlsServer(tcp, { context, requestClientCertificate: false })
      .then((stream) => {
        stream.write(new TextEncoder().encode("hello"));
        stream.attach({ data() {}, ended: () => stream.end(), drained() {}, closed() {} });
      });
  });
  const dir = await Deno.makeTempDir();
  const ticket = `${dir}/ticket`;
  await openssl(web.address.port, ["-sess_out", ticket]);
  const said = await openssl(place.port, ["-sess_in", ticket, "-alpn", "remoteler-postgres"]);
  assert.match(said, /Reused, TLSv1.3[^]*C28000[^]*no client certificate/);
  assert.deepEqual(place.site.servers, []);
  await web.close();
  await Deno.remove(dir, { recursive: true });
});

/** A second of `openssl s_client`; gives what it prints. */
async function openssl(port: number, args: readonly string[]): Promise<string> {
  const fixed = ["-connect", `127.0.0.1:${port}`, "-servername", "shop.db.example.test"];
  const all = ["openssl", "s_client", "-tls1_3", ...fixed, ...args].join(" ");
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `sleep 1 | ${all} 2>&1`],
  }).output();
  return new TextDecoder().decode(stdout);
}
