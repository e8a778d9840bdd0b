import { command, formatOption, list, show, text } from "../../cli/mod.ts";
import { Fault } from "../../core/fault.ts";
import type { AdminPowers, VerifyReport } from "../powers.ts";
import { dataDirOf, siteOptions } from "../site.ts";

export const auditVerify = command({
  name: "audit verify",
  summary: "prove offline that no line of the audit log was changed, dropped, inserted or swapped",
  example: "audit verify --head=/mnt/elsewhere/head.json",
  options: {
    dir: text({ help: "folder of the daily files; data_dir/audit where left out", value: "DIR" }),
    head: list({
      help: "file with heads kept elsewhere; proves that the end is there",
      value: "FILE",
    }),
    ca: text({ help: "PEM of the audit CA; data_dir/audit/ca.pem where left out", value: "FILE" }),
    ...siteOptions,
    format: formatOption,
  },
  run: async (options, powers: AdminPowers) => {
    const dir = options.dir ?? `${await dataDirOf(options, powers)}/audit`;
    const heads: string[] = [];
    for (const file of options.head) heads.push(...lines(await powers.files.readText(file)));
    const authorities = await powers.files.readText(options.ca ?? `${dir}/ca.pem`);
    const report = await powers.verifyAudit({ dir, heads, authorities });
    show(powers.terminal, options.format, report, draw);
    if (report.problems.length === 0) return 0;
    throw new Fault({
      kind: "conflict",
      code: "admin.audit-broken",
      message: `the audit log does not hold: ${report.problems.length} places`,
      hint: "keep the files as they are, and compare with the copies of your other sinks",
    });
  },
});

function lines(text: string): readonly string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}

function draw(report: VerifyReport): string {
  const { events, checkpoints, files, problems } = report;
  const checked = `${events} events in ${files} files under ${checkpoints} signed checkpoints`;
  if (problems.length === 0) return `the log holds: ${checked}\n`;
  return [
    `checked ${checked}`,
    ...problems.map(({ place, text }) => `${place}: ${text}`),
    "",
  ].join("\n");
}
