/** Auth on its own host, as its built-in administrator. */
import type { AuthClient } from "../api/contract.ts";
import { systemClock } from "../sys/clock.ts";

export async function authSocket(dataDir: string): Promise<AuthClient> {
  const [{ authClient }, { httpClient }, { connectTcp }] = await Promise.all([
    import("../api/client.ts"),
    import("../sys/http_client.ts"),
    import("../sys/tcp.ts"),
  ]);
  const connect = (signal: AbortSignal) => connectTcp({ path: `${dataDir}/auth.sock` }, { signal });
  return authClient(httpClient({ host: "auth", connect }), systemClock);
}
