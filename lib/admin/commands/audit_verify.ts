import { command, formatOption, list, show, text } from "../../cli/mod.ts";
import { Fault } from "../../core/fault.ts";
import type { VerifyReport } from "../../audit/verify.ts";
import type { AdminPowers } from "../powers.ts";
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
    ca: text({ help: "PEM of the audit CA; data_dir/audit-ca.pem where left out", value: "FILE" }),
    ...siteOptions,
    format: formatOption,
  },
  run: async (options, powers: AdminPowers) => {
    const { dir, ca } = options;
    const dataDir = dir === null || ca === null ? await dataDirOf(options, powers) : "";
    const heads: string[] = [];
    for (const file of options.head) heads.push(...lines(await powers.files.readText(file)));
    const authorities = await powers.files.readText(ca ?? `${dataDir}/audit-ca.pem`);
    const order = { dir: dir ?? `${dataDir}/audit`, heads, authorities };
    const report = await powers.verifyAudit(order);
    await show(powers.terminal, options.format, shownOf(report), () => draw(report));
    if (report.ok) return 0;
    throw new Fault({
      kind: "conflict",
      code: "admin.audit-broken",
      message: "the audit log does not hold",
      hint: "keep the files as they are, and compare them with a copy of another place",
    });
  },
});

/** As `--format=json` shows it. */
function shownOf(report: VerifyReport) {
  const { ok, log, files, lines, firstSeq, lastSeq, lastHash, heads, coveredSeq, missed } = report;
  return {
    ok,
    log,
    files,
    lines,
    first_seq: firstSeq,
    last_seq: lastSeq,
    last_hash: lastHash,
    heads,
    covered_seq: coveredSeq,
    missed,
    problems: report.problems,
    notes: report.notes,
  };
}

function lines(text: string): readonly string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}

function draw(report: VerifyReport): string {
  const { lines, files, heads, coveredSeq, lastSeq, problems, notes } = report;
  const checked = [
    plural(lines, "event"),
    plural(files, "file"),
    plural(heads, "signed head"),
    `signed up to ${coveredSeq} of ${lastSeq}`,
  ].join(", ");
  return [
    report.ok ? `the log holds: ${checked}` : `checked: ${checked}`,
    ...problems.map(({ file, line, kind, message }) => `${place(file, line)}: ${kind}: ${message}`),
    ...notes.map((note) => `note: ${note}`),
    "",
  ].join("\n");
}

function place(file: string, line: number): string {
  return line === 0 ? file || "the log" : `${file}:${line}`;
}

function plural(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
