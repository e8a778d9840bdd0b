import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import {
  complete,
  error,
  message,
  parameterStatus,
  query,
  ready,
  row,
  rowDescription,
  terminate,
} from "../../../tests/fakes/postgres_messages.ts";
import { concat } from "../../bytes/writer.ts";
import { UpstreamRefused } from "../upstream_refused.ts";
import { WireError } from "../wire_error.ts";
import { postgres } from "./mod.ts";

const { trial } = postgres;

/** Runs the statement on what the database says; gives what was sent. */
function play(...said: readonly Uint8Array[]): readonly Uint8Array[] {
  const sent: Uint8Array[] = [];
  let left: Uint8Array = concat(said);
  const script = trial.run();
  let reply: Uint8Array | undefined;
  for (;;) {
    const turn = script.next(reply);
    if (turn.done === true) return sent;
    reply = undefined;
    if (turn.value.do === "send") sent.push(turn.value.bytes);
    else if (turn.value.do === "frame") {
      const size = turn.value.measure(left);
      if (size === null) throw new Error("hungry");
      reply = left.subarray(0, size);
      left = left.subarray(size);
    }
  }
}

Deno.test("a trial runs one statement to its end and says goodbye", () => {
  const notice = message("N", "SNOTICE\0\0");
  const sent = play(
    ...[notice, rowDescription, row(1), parameterStatus("a", "b")],
    ...[complete("SELECT 1"), ready()],
  );
  deepStrictEqual(sent, [query(trial.statement), terminate]);
});

Deno.test("a statement that fails is told in the database's words", () => {
  throws(() => play(error("42501", "permission denied")), (thrown: unknown) => {
    return thrown instanceof UpstreamRefused && thrown.message === "permission denied";
  });
});

Deno.test("an answer that is none breaks the protocol", () => {
  for (const said of [[ready()], [message("G", new Uint8Array(3))]]) {
    throws(() => play(...said), (thrown: unknown) => thrown instanceof WireError);
  }
  throws(() => play(...Array.from({ length: 1001 }, () => row(1))), (thrown: unknown) => {
    return thrown instanceof WireError && thrown.code === "oversize";
  });
});

Deno.test("advice is there for what administrators meet, and nothing is made up", () => {
  for (const code of ["08001", "28000", "28P01", "3D000", "53300"]) ok(trial.advice(code));
  strictEqual(trial.advice("XX000"), null);
  strictEqual(trial.advice("toString"), null);
});
