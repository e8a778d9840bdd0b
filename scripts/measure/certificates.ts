/** How many certificates Auth can issue. */
import { join } from "../lab/paths.ts";
import type { FigureWork, Found, Lab } from "./figure.ts";
import { resultOf } from "./process.ts";

const signed = "issued: request checked, certificate signed";
const decided = "issued with the decision";

export const certificates: FigureWork = {
  name: "certificates",
  title: "Certificates",
  about: "Certificates for database users per CPU second of the process (P-256). First what " +
    "issuing itself takes: the request's own signature is verified, the certificate is built and " +
    "signed. Then the whole call of an agent inside Auth: the agent's and the user's " +
    "certificates verified with locks and generation, roles decided, state in SQLite, the event " +
    "fsynced in the audit log.",
  figures: [
    { name: signed, unit: "/CPU s", bar: { atLeast: 1000 } },
    { name: decided, unit: "/CPU s" },
  ],
  isQuick: true,
  run,
};

async function run(lab: Lab): Promise<readonly Found[]> {
  const ms = lab.isQuick ? 500 : 3000;
  const args = [join(lab.dir, "certificates"), String(lab.rounds), String(ms)];
  const timeoutMs = 60_000 + 4 * ms * (lab.rounds + 1);
  const results = await resultOf<{ signed: number[]; decided: number[] }>(
    "certificates_main",
    args,
    timeoutMs,
  );
  return [
    { figure: signed, rounds: results.signed },
    { figure: decided, rounds: results.decided },
  ];
}
