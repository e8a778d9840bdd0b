/**
 * Opens TLS connections to a database as an agent does and holds them, to say what they cost by
 * themselves: `database_sockets.ts PORT CA LOOKS`. Each line is a number of further connections;
 * the answer is this process's resident memory in KiB, once it has not fallen for so many looks.
 */
import { PullReader } from "../../lib/core/pull.ts";
import type { StreamReader } from "../../lib/core/stream.ts";
import { connectTcp } from "../../lib/sys/tcp.ts";
import { startTlsClient, type TlsStream } from "../../lib/sys/tls.ts";
import { answerLines } from "./companion.ts";
import { ownMemoryKiB } from "./process.ts";
import { settled } from "./settled.ts";

const [port, caFile, looks] = [Number(Deno.args[0]), Deno.args[1] ?? "", Deno.args[2] ?? "1"];
const authorities = await Deno.readTextFile(caFile);
const sslRequest = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);
const quiet: StreamReader = { data() {}, ended() {}, drained() {}, closed() {} };
const held: TlsStream[] = [];

await answerLines(async (line) => {
  for (let left = Number(line); left > 0; left--) held.push(await connect());
  return await settled(ownMemoryKiB, Number(looks));
});
Deno.exit(0);

async function connect(): Promise<TlsStream> {
  const stream = await connectTcp({ host: "127.0.0.1", port });
  const pull = new PullReader(stream);
  await pull.write(sslRequest);
  await pull.pull();
  const secured = await startTlsClient(stream, {
    serverName: "localhost",
    verify: "web",
    authorities,
  });
  secured.attach(quiet);
  return secured;
}
