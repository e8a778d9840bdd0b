import { equal, ok } from "node:assert/strict";
import { catalog, eventEntries, isEventName } from "../audit/catalog.ts";
import { quickTest, v } from "./mod.ts";

/** Values of all sorts, right and wrong somewhere. */
const values: readonly unknown[] = [
  ...[undefined, null, true, false, 0, 1, 1.5, -1, 2 ** 53, 1e308],
  ...["", "a", "x".repeat(300), "default", "2026-01-02T03:04:05.678Z", "2026-01-02", "done"],
  ...[{}, { a: "b" }, { a: 1 }, { code: "1", message: "m" }, { code: "1" }, [], ["a"], [1]],
  ...[{ direction: "in", bytes: 1 }, { direction: "up", bytes: 1 }, {
    of: "a",
    index: 0,
    count: 1,
  }],
  ...[[{ tag: "SELECT 1", rows: 1 }], [{ tag: "SELECT 1", rows: -1 }], [null]],
  { of: "a", bytes: 1, sha256: "a" },
];

for (const name of Object.keys(catalog).filter(isEventName)) {
  Deno.test(`${name}: the quick test agrees with the schema, field by field`, () => {
    const schema = v.strictObject(eventEntries(name));
    const test = quickTest(schema);
    ok(test !== null, "a part of the schema is not known to quickTest");
    const agree = (value: unknown) => {
      const { success } = v.safeParse(schema, value);
      // The library takes a list for a mapping; a no here only means that it is asked.
      if (test(value) || !holdsList(value)) equal(test(value), success, JSON.stringify(value));
    };
    const right = rightEvent(schema.entries);
    equal(test(right), true);
    for (const field of [...Object.keys(schema.entries), "more", "__proto__"]) {
      const { [field]: _, ...without } = right;
      agree(without);
      for (const value of values) {
        agree(JSON.parse(JSON.stringify({ ...without, [field]: value })));
      }
    }
    for (const value of values) agree(value);
  });
}

Deno.test("checks of a schema's own hold as well, and only of what has its shape", () => {
  const even = v.pipe(v.array(v.number()), v.check((list) => list.length % 2 === 0, "pairs"));
  const test = quickTest(v.strictObject({ even }));
  ok(test !== null);
  for (const value of [[], [1, 2], [1], ["a", "b"], null, "ab"]) {
    equal(test({ even: value }), v.safeParse(even, value).success);
  }
});

Deno.test("a schema with a part that is not known has no quick test", () => {
  equal(quickTest(v.strictObject({ a: v.pipe(v.string(), v.transform(Number)) })), null);
  equal(quickTest(v.array(v.date())), null);
  equal(quickTest(v.pipe(v.string(), v.email())), null);
});

function holdsList(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Array.isArray(value) || Object.values(value).some(holdsList);
}

/** For each field the first value that its schema takes. */
function rightEvent(entries: v.ObjectEntries): Record<string, unknown> {
  const event: Record<string, unknown> = {};
  for (const [field, schema] of Object.entries(entries)) {
    const right = [...literalsOf(schema), ...values].find((value) =>
      value !== undefined && v.safeParse(schema, value).success
    );
    ok(right !== undefined, `no value for ${field}`);
    event[field] = right;
  }
  return event;
}

function literalsOf(schema: object): readonly unknown[] {
  const [literal, options, wrapped]: unknown[] = ["literal", "options", "wrapped"]
    .map((name) => Reflect.get(schema, name));
  if (typeof wrapped === "object" && wrapped !== null) return literalsOf(wrapped);
  return Array.isArray(options) ? options : [literal];
}
