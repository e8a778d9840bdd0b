/** SIGINT is Ctrl-C, SIGTERM a supervisor's stop, SIGHUP a reload. */
export type SignalName = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Calls `run` for each of these signals in place of the system's answer; gives what ends that. */
export function onSignals(
  names: readonly SignalName[],
  run: (name: SignalName) => void,
): () => void {
  const stops = names.map((name) => {
    const listener = () => run(name);
    Deno.addSignalListener(name, listener);
    return () => Deno.removeSignalListener(name, listener);
  });
  return () => {
    for (const stop of stops) stop();
  };
}

/** Ends the process now. */
export function exit(code: number): never {
  Deno.exit(code);
}
