import type { Resource } from "../../api/resources.ts";
import { command, readDocuments, required, say, yamlOf } from "../../cli/mod.ts";
import { asFault, Fault } from "../../core/fault.ts";
import { readFullRef } from "../names.ts";
import type { AdminPowers } from "../powers.ts";
import { badResource, readResource } from "../resources.ts";
import { openAuth, siteOptions } from "../site.ts";

export const edit = command({
  name: "edit",
  summary: "change a resource in your editor (VISUAL or EDITOR); nobody else's change is lost",
  example: "edit role/access",
  arguments: { resource: required("KIND/NAME") },
  options: siteOptions,
  run: async (options, powers: AdminPowers) => {
    const { kind, name } = readFullRef(options.resource);
    const auth = await openAuth(options, powers);
    const { resource: before } = await auth.call("resources.get", { kind, name }, powers.signal);
    const draft = `${
      powers.env("TMPDIR") ?? "/tmp"
    }/remoteler-${kind}-${powers.random.uuid()}.yaml`;
    const given = await yamlOf(before);
    await powers.files.writeText(draft, given, { mode: 0o600, replace: false });
    await runEditor(draft, powers);
    const written = await powers.files.readText(draft);
    if (written === given) {
      await powers.files.remove(draft);
      say(powers.terminal, `${kind}/${name} stays as it is`);
      return 0;
    }
    try {
      const resource = await changed(before, written);
      await auth.call("resources.put", { resource, replace: true }, powers.signal);
    } catch (thrown) {
      throw keptDraft(thrown, draft);
    }
    await powers.files.remove(draft);
    say(powers.terminal, `${kind}/${name} is changed`);
    return 0;
  },
});

/** By the shell, since EDITOR may hold arguments; the file's name is never part of its text. */
async function runEditor(draft: string, powers: AdminPowers): Promise<void> {
  const editor = powers.env("VISUAL") ?? powers.env("EDITOR") ?? "vi";
  const code = await powers.runProgram("/bin/sh", ["-c", `${editor} "$1"`, "editor", draft]);
  if (code === 0) return;
  await powers.files.remove(draft);
  throw new Fault({
    kind: "invalid",
    code: "admin.editor-failed",
    message: `the editor ended with ${code}; nothing was changed`,
    hint: "set EDITOR to the one that you want",
  });
}

/** What was written, at the revision that was read, whatever the draft says of it. */
async function changed(before: Resource, written: string): Promise<Resource> {
  const [document, ...more] = await readDocuments(written);
  if (document === undefined || more.length > 0) {
    throw badResource("the draft should hold one resource");
  }
  const after = readResource(document, 0);
  if (after.kind !== before.kind || after.metadata.name !== before.metadata.name) {
    throw new Fault({
      kind: "invalid",
      code: "admin.other-resource",
      message: "kind and name of a resource can't be edited",
      hint: "make another one with: remoteler create -f FILE",
    });
  }
  const { revision } = before.metadata;
  if (revision !== undefined) after.metadata.revision = revision;
  return after;
}

function keptDraft(thrown: unknown, draft: string): Fault {
  const fault = asFault(thrown);
  const { kind, code, message, shown, fields } = fault;
  const again = `your draft is ${draft}; correct it, then: remoteler create -f ${draft} --force`;
  const hint = fault.hint === undefined ? again : `${fault.hint}\n${again}`;
  return new Fault({ kind, code, message, shown, fields, hint, cause: fault });
}
