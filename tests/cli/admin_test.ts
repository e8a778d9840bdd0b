/** The administrator's longer commands against a real Auth Service. */
import { match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { programs } from "../../scripts/lab/services.ts";
import { type Site } from "../../scripts/lab/site.ts";
import { type Finished, run } from "../../scripts/lab/tools.ts";
import { siteSuite } from "../site.ts";

const test = siteSuite({});

async function edit(site: Site, ref: string, script: string): Promise<Finished> {
  const editor = join(site.dir, "editor.sh");
  await Deno.writeTextFile(editor, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const [program = "", ...first] = programs().remoteler;
  return await run(program, [...first, "edit", ref, "-c", site.auth.configFile], {
    env: { VISUAL: editor, TMPDIR: site.dir },
  });
}

test("edit changes what the editor wrote, and audits it", async (site) => {
  await site.addUser("erin");
  const done = await edit(site, "user/erin", `sed -i 's/- access/- auditor/' "$1"`);
  strictEqual(done.code, 0, done.stderr);
  match(await site.remoteler(["get", "user/erin"]), /- auditor/);
  const events = await site.events(["--events=user.update"]);
  ok(events.some(({ name }) => name === "erin"));
});

test("edit loses to a change that was made meanwhile, and keeps the draft", async (site) => {
  const file = site.auth.configFile;
  const meanwhile = [...programs().remoteler, "users", "update", "erin", "--roles=access"];
  const command = [...meanwhile, "-c", file].map((word) => `'${word}'`).join(" ");
  const done = await edit(site, "user/erin", `${command}; echo '# mine' >> "$1"`);
  notStrictEqual(done.code, 0);
  match(done.stderr, /changed by somebody else meanwhile/);
  const draft = /your draft is (\S+);/.exec(done.stderr)?.[1] ?? "";
  match(await Deno.readTextFile(draft), /# mine/);
  strictEqual((Deno.statSync(draft).mode ?? 0) & 0o077, 0);
  match(await site.remoteler(["get", "user/erin"]), /- access/);
});

test("audit export gives every stored line, and a table", async (site) => {
  const lines = (await site.remoteler(["audit", "export"])).trim().split("\n");
  const found = await site.events();
  ok(lines.length >= found.length && found.length > 3, `${lines.length} lines`);
  for (const line of lines) JSON.parse(line);
  const csv = await site.remoteler(["audit", "export", "--format=csv", "--events=user.update"]);
  match(csv, /^time,code,event,user,/);
  ok(csv.trim().split("\n").length > 2);
});

test("db ls says where a database is and who serves it", async (site) => {
  const all = JSON.parse(await site.remoteler(["db", "ls", "--format=json"]));
  strictEqual(all[0].name, "orders");
  strictEqual(all[0].uri, `localhost:${site.postgres.port}`);
  strictEqual(all[0].agents.join(), "agent-0");
  match(await site.remoteler(["db", "ls"]), /^NAME +PROTOCOL +URI +AGENTS/);
});
