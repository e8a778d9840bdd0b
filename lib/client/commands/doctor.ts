import { command, formatOption, show, table } from "../../cli/mod.ts";
import { examine, type Finding } from "../doctor.ts";
import type { ClientPowers } from "../powers.ts";
import { Fault } from "../../core/fault.ts";
import { Profile, readProxyAddress } from "../profile.ts";
import { proxyOption } from "../session.ts";

export const doctor = command({
  name: "doctor",
  summary: "try every step between here and your databases; exit code 1 where one fails",
  example: "doctor --format=json",
  options: { format: formatOption, proxy: proxyOption },
  run: async (options, powers: ClientPowers) => {
    const profile = new Profile(powers);
    const at = options.proxy === null ? null : readProxyAddress(options.proxy).text;
    const login = await profile.login(at);
    if (login === null) {
      throw new Fault({
        kind: "unauthenticated",
        code: "client.not-logged-in",
        message: "you are not logged in",
        hint: `log in with: tsh login --proxy=${at ?? "HOST"} --user=NAME`,
      });
    }
    const findings = await examine({ profile, login }, powers);
    await show(powers.terminal, options.format, findings, draw);
    return findings.some(({ state }) => state === "fail") ? 1 : 0;
  },
});

function draw(findings: readonly Finding[]): string {
  const rows = findings.flatMap(({ check, state, found, hint }) => [
    { check, state: String(state), found },
    ...(hint === null ? [] : [{ check: "", state: "", found: `-> ${hint}` }]),
  ]);
  return table(
    [
      { title: "CHECK", cell: ({ check }) => check },
      { title: "STATE", cell: ({ state }) => state },
      { title: "FOUND", cell: ({ found }) => found },
    ],
    rows,
    Infinity,
  );
}
