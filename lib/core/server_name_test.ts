import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { serverNameOf, serviceOfServerName } from "./server_name.ts";

Deno.test("a service has one server name, which gives the service back", () => {
  const names: readonly (readonly [string, string])[] = [
    ["orders", "orders.db.lab"],
    ["pg-orders.eu_1", "pg-orders.eu_1.db.lab"],
    ["Orders", "x--4f7264657273.db.lab"],
    ["x--orders", "x--782d2d6f7264657273.db.lab"],
    ["a@b", "x--614062.db.lab"],
    ["a..b", "x--612e2e62.db.lab"],
  ];
  for (const [service, name] of names) {
    strictEqual(serverNameOf(service, "lab"), name);
    strictEqual(serviceOfServerName(name.toUpperCase(), "lab"), service);
  }
});

Deno.test("an escaped name fits DNS labels, and one that is too long has no server name", () => {
  const name = serverNameOf("O".repeat(80), "cluster.example.com");
  match(name ?? "", /^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+$/);
  strictEqual(serviceOfServerName(name, "cluster.example.com"), "O".repeat(80));
  strictEqual(serverNameOf("O".repeat(128), "c"), null);
  strictEqual(serverNameOf("o".repeat(50) + ".".repeat(1) + "o".repeat(60), "c")?.length, 116);
});

Deno.test("names that are no database's mean nothing", () => {
  const foreign = [
    null,
    "",
    "lab",
    "db.lab",
    ".db.lab",
    "orders.db.other",
    "orders.dbxlab",
    "x--.db.lab",
    "x--zz.db.lab",
    "x--6f7264657273.db.lab", // "orders" has a name of its own
    "x--ff.db.lab",
    "a..b.db.lab",
    `${"o".repeat(64)}.db.lab`,
    `${"o.".repeat(130)}db.lab`,
  ];
  deepStrictEqual(foreign.filter((name) => serviceOfServerName(name, "lab") !== null), []);
});
