import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { quickTest } from "../schema/mod.ts";
import {
  databaseList,
  databaseListOf,
  databasesIn,
  type ListedDatabase,
  type Terms,
} from "./database_list.ts";
import { readAnswer } from "./failure.ts";

const common: Terms = {
  protocol: "postgres",
  labels: { env: "prod", team: "a" },
  db_users: ["app", "*"],
  db_names: [],
  online: true,
  require_end_to_end: false,
  status: "healthy",
};
const away: Terms = { ...common, labels: {}, online: false, status: "offline" };
const since = "2026-01-02T03:04:05.678Z";
const listed: readonly ListedDatabase[] = [
  { name: "a", description: "of many", terms: common, since, reason: "" },
  { name: "b", description: "", terms: away, since: null, reason: "" },
  { name: "c", description: "\u0000 \u2028 数据", terms: common, since: "then", reason: "why" },
];

/** As the other side has it. */
function arrived(list: unknown): unknown {
  return JSON.parse(JSON.stringify(list));
}

Deno.test("a list gives the databases that it was made of, whole and in their order", () => {
  const list = readAnswer(databaseList, arrived(databaseListOf(listed)), "databases.list");
  deepStrictEqual(
    databasesIn(list),
    listed.map(({ name, description, terms: { status, ...terms }, since, reason }) => ({
      ...{ name, description, ...terms },
      health: { status, since, reason },
    })),
  );
  deepStrictEqual(Object.keys(databasesIn(list)[0] ?? {}), [
    ...["name", "protocol", "description", "labels", "db_users", "db_names", "online"],
    ...["require_end_to_end", "health"],
  ]);
});

Deno.test("what databases have in common is sent once, and is one object when it arrived", () => {
  const sent = databaseListOf(listed);
  deepStrictEqual(sent.terms, [common, away]);
  deepStrictEqual(sent.terms_of, [0, 1, 0]);
  const [a, , c] = databasesIn(readAnswer(databaseList, arrived(sent), "databases.list"));
  strictEqual(a?.labels, c?.labels);
});

Deno.test("a list whose columns don't fit each other or its terms is no answer", () => {
  const good = databaseListOf(listed);
  const bad: readonly unknown[] = [
    ...Object.keys(good).map((column) => ({ ...good, [column]: [] })),
    { ...good, terms_of: [0, 1, 2] },
    { ...good, terms_of: [0, 1, -1] },
    { ...good, terms_of: [0, 1, 0.5] },
    { ...good, names: ["a", "b", "no name"] },
    { ...good, names: [...good.names, "d"] },
    { ...good, more: [] },
    { databases: [] },
  ];
  for (const list of bad) {
    throws(() => readAnswer(databaseList, arrived(list), "databases.list"), {
      code: "api.bad-answer",
    });
  }
  deepStrictEqual(databasesIn(readAnswer(databaseList, databaseListOf([]), "databases.list")), []);
});

Deno.test("a list of thousands needs no slow look by the library", () => {
  const test = quickTest(databaseList);
  ok(test !== null);
  ok(test(arrived(databaseListOf(listed))));
});
