import { equal, match } from "node:assert/strict";
import { fakeAuthority, fakeNow } from "../ca/ca_fake.ts";
import { generateKey, issueDatabaseServer } from "../ca/mod.ts";
import { SeededRandom } from "../../tests/fakes/random.ts";
import { Fault } from "../core/fault.ts";
import { postgres } from "../wire/postgres/mod.ts";
import { readTargets } from "./targets.ts";
import { describeRefused, describeTaken, readShown } from "./trial_words.ts";

const dayMs = 86_400_000;
const config = { name: "shop", protocol: "postgres", uri: "db.internal:5432" };
const [target] = readTargets([config], [postgres]).values();

/** What a database shows whose certificate holds for so many days from now. */
async function shownFor(days: number, ...names: readonly string[]) {
  const { issuer } = await fakeAuthority("db", { expires: fakeNow + 900 * dayMs });
  const { spki } = await generateKey();
  const expires = fakeNow + days * dayMs;
  const { der } = await issueDatabaseServer(issuer, {
    ...{ spki, now: fakeNow - 100 * dayMs, expires, names: [...names] },
    random: new SeededRandom(1),
  });
  return readShown([der]);
}

function refusedBy(errno: string): Fault {
  const cause = new Fault({ kind: "network", code: "test.tls", message: "", fields: { errno } });
  return new Fault({ kind: "target", code: "db.tls", message: "", cause });
}

Deno.test("a certificate that holds is told with its names, its issuer and its days", async () => {
  const long = await shownFor(90, "db.internal", "192.0.2.9", "2001:db8::1");
  const told = describeTaken(long, fakeNow, "verify-full");
  match(
    told.found,
    /^verify-full: for db\.internal, 192\.0\.2\.9, 2001:0?db8:\S+, by .+, 90 days left$/,
  );
  equal(told.hint, null);
  const soon = describeTaken(await shownFor(13, "a"), fakeNow, "verify-ca");
  match(soon.found, /13 days left$/);
  match(soon.hint ?? "", /ends soon/);
  match(describeTaken(await shownFor(0.5, "a"), fakeNow, "verify-ca").found, /12 hours left$/);
  const many = await shownFor(90, ...Array.from({ length: 60 }, (_, i) => `name-${i}.internal`));
  match(describeTaken(many, fakeNow, "verify-full").found, /name-4\.internal, \.\.\., by/);
});

Deno.test("a certificate that is refused is told by what is wrong with it", async () => {
  if (target === undefined) throw new Error("no target");
  const told = (days: number, errno: string, now: number = fakeNow) =>
    shownFor(days, "elsewhere.test").then((shown) =>
      describeRefused(refusedBy(errno), shown, target, now)
    );
  // The runtime says the same of an unknown CA and of times.
  const unknown = "UNABLE_TO_VERIFY_LEAF_SIGNATURE";
  match((await told(-1, unknown)).found, /^its certificate is expired, since 20/);
  match((await told(9, unknown, fakeNow - 200 * dayMs)).found, /is not valid before 20/);
  match((await told(9, unknown)).found, /^its certificate is by an unknown CA: by .+db/);
  const named = await told(9, "ERR_TLS_CERT_ALTNAME_INVALID");
  match(named.found, /another name: for elsewhere\.test, wanted is db\.internal$/);
  match(named.hint ?? "", /tls\.server_name/);
  equal(describeRefused(refusedBy("ECONNRESET"), null, target, fakeNow).found, "connection reset");
});

Deno.test("a certificate that can't be read is no reason to fail", () => {
  equal(readShown([Uint8Array.of(1, 2, 3)]), null);
  equal(readShown([]), null);
  equal(describeTaken(null, fakeNow, "verify-ca").found, "verify-ca: it holds");
});
