/** A running `tsh proxy db`. */
import { type Person, programs } from "../../scripts/lab/services.ts";
import { waitFor } from "../../scripts/lab/tools.ts";

export class LocalPort {
  readonly port: number;
  readonly pid: number;
  /** What it has said so far. */
  readonly said: () => string;
  readonly stop: () => Promise<void>;

  private constructor(parts: Pick<LocalPort, "port" | "pid" | "said" | "stop">) {
    this.port = parts.port;
    this.pid = parts.pid;
    this.said = parts.said;
    this.stop = parts.stop;
  }

  static async open(person: Person, database: string, flags: string[]): Promise<LocalPort> {
    const [program = "", ...args] = programs().tsh;
    const child = new Deno.Command(program, {
      args: [...args, "proxy", "db", database, ...flags],
      env: { ...person.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const words: string[] = [];
    const reading = [child.stdout, child.stderr].map(async (stream) => {
      for await (const chunk of stream) words.push(new TextDecoder().decode(chunk));
    });
    const said = () => words.join("");
    const stop = async () => {
      try {
        child.kill("SIGTERM");
      } catch {
        // it has ended
      }
      await child.status;
      await Promise.all(reading);
    };
    const port = await waitFor("the local port", 20_000, () => {
      const found = /127\.0\.0\.1:(\d+)/.exec(said())?.[1];
      return found ? Number(found) : null;
    }).catch(async (e) => {
      await stop();
      throw new Error(`${e.message}: ${said()}`);
    });
    return new LocalPort({ port, pid: child.pid, said, stop });
  }

  /** A connection string for libpq. */
  url(user: string, database: string): string {
    return `host=127.0.0.1 port=${this.port} user=${user} dbname=${database} sslmode=disable`;
  }
}
