/**
 * A database for thousands of idle sessions: TLS and a login over real sockets, nothing behind.
 * `quiet_database.ts CERT KEY`; a line `port` is answered with its port.
 */
import { authenticated, fakeServer, ready } from "../../tests/postgres/fake_server.ts";
import { concat } from "../../tests/postgres/raw_client.ts";
import { answerLines } from "./companion.ts";

const [cert = "", key = ""] = await Promise.all(Deno.args.map((path) => Deno.readTextFile(path)));
const server = await fakeServer({ cert, key }, concat([authenticated, ready]));
await answerLines(() => Promise.resolve(server.port));
await server.close();
Deno.exit(0);
