import type { Gate, Inspector, Tap } from "./protocol.ts";

/** What reads one direction; `close`: the session ended. */
interface ClientSide {
  push(chunk: Uint8Array, gate: Gate): void;
  close(tap: Tap): void;
}

interface ServerSide {
  push(chunk: Uint8Array, tap: Tap): void;
  close(tap: Tap): void;
  readonly atRest: boolean;
  readonly rows: number;
}

/** Both directions of one session as one inspector. */
export function inspectorOf(
  client: ClientSide,
  server: ServerSide,
  refuse: Inspector["refuse"],
): Inspector {
  return {
    client: (chunk: Uint8Array, gate: Gate) => client.push(chunk, gate),
    server: (chunk: Uint8Array, tap: Tap) => server.push(chunk, tap),
    close: (tap: Tap) => {
      server.close(tap);
      client.close(tap);
    },
    get betweenFrames() {
      return server.atRest;
    },
    get rows() {
      return server.rows;
    },
    refuse,
  };
}
