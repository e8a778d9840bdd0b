/**
 * Clients that log in and then say nothing, over TLS with a certificate: `idle_clients.ts ENV`,
 * libpq's variables as JSON. `open N` opens so many more, `close` ends all; the answer says how
 * many there are.
 */
import { connect, type TLSSocket } from "node:tls";
import { message, startup } from "../../tests/postgres/raw_client.ts";
import { answerLines } from "./companion.ts";

const env: Readonly<Record<string, string>> = JSON.parse(Deno.args[0] ?? "{}");
const [ca, cert, key] = await Promise.all(
  ["PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY"].map((name) => Deno.readTextFile(env[name] ?? "")),
);
/** Logins at the same time, below what a proxy takes of strangers from one address. */
const atOnce = 32;
const open = new Set<TLSSocket>();
let failure: string | null = null;

await answerLines(async (line) => {
  const [what, count = ""] = line.split(" ");
  if (what === "open") await openMore(Number(count));
  else await closeAll();
  if (failure !== null) throw new Error(failure);
  return open.size;
});
await closeAll();
Deno.exit(0);

async function openMore(count: number): Promise<void> {
  let left = count;
  const worker = async () => {
    while (left-- > 0) open.add(await login());
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

async function closeAll(): Promise<void> {
  const ended = [...open].map((socket) =>
    new Promise((resolve) => {
      socket.removeAllListeners("close");
      socket.once("close", resolve);
      socket.end(message("X"));
    })
  );
  open.clear();
  await Promise.all(ended);
}

function login(): Promise<TLSSocket> {
  const socket = connect({
    host: env["PGHOST"] ?? "localhost",
    port: Number(env["PGPORT"]),
    ALPNProtocols: ["postgresql"],
    ...(ca && cert && key ? { ca, cert, key } : {}),
  });
  const { PGUSER: user = "", PGDATABASE: database = "" } = env;
  return new Promise((resolve, reject) => {
    const heard: Uint8Array[] = [];
    socket.on("error", (error) => reject(error));
    socket.on("close", () => {
      if (open.has(socket)) failure = "an idle session was ended";
      reject(new Error("the session was ended"));
    });
    socket.once("secureConnect", () => socket.write(startup({ user, database })));
    socket.on("data", (chunk: Uint8Array) => {
      heard.push(chunk);
      if (chunk[0] === "E".charCodeAt(0)) reject(new Error(new TextDecoder().decode(chunk)));
      // ReadyForQuery is the last word of a login.
      if (chunk.at(-6) === "Z".charCodeAt(0)) resolve(socket);
    });
  });
}
