import { command, flag, print, say, text } from "../../cli/mod.ts";
import { Fault } from "../../core/fault.ts";
import type { AdminPowers } from "../powers.ts";
import { siteOptions, usualFile } from "../site.ts";
import { systemUnit, userUnit } from "../systemd.ts";

export const installSystemd = command({
  name: "install systemd",
  summary: "write a hardened systemd unit that runs the services of a configuration file",
  example: "install systemd -c /etc/remoteler.yaml --dry-run",
  options: {
    config: siteOptions.config,
    executable: text({
      help: "path of remoteler (default: this one, else that on PATH)",
      value: "PATH",
    }),
    user: flag({ help: "a unit of your own systemd, without root" }),
    "dry-run": flag({ help: "print the unit and change nothing" }),
    force: flag({ help: "replace the unit if it is there" }),
  },
  run: async (options, powers: AdminPowers) => {
    const config = options.config ?? powers.env("REMOTELER_CONFIG") ?? usualFile;
    const executable = options.executable ?? powers.executable() ??
      await powers.findProgram("remoteler");
    if (executable === null) throw badPath("remoteler is not on PATH");
    for (const path of [config, executable]) {
      if (!/^\/[^\n\r\t:]*$/.test(path)) {
        throw badPath(`${JSON.stringify(path)} is no absolute path`);
      }
    }
    const unit = (options.user ? userUnit : systemUnit)({ executable, config });
    if (options["dry-run"]) {
      print(powers.terminal, unit);
      return 0;
    }
    const folder = options.user ? `${homeOf(powers)}/.config/systemd/user` : "/etc/systemd/system";
    const file = `${folder}/remoteler.service`;
    if (options.user) await powers.files.makeDirectory(folder);
    await powers.files.writeText(file, unit, { mode: 0o644, replace: options.force });
    const systemctl = options.user ? "systemctl --user" : "systemctl";
    say(powers.terminal, `${file} is written; state is kept in data_dir of ${config}`);
    if (!options.user) say(powers.terminal, "which has to be /var/lib/remoteler (the default)");
    say(powers.terminal, "start it with:");
    print(powers.terminal, `${systemctl} daemon-reload && ${systemctl} enable --now remoteler`);
    return 0;
  },
});

function homeOf({ env }: AdminPowers): string {
  const home = env("HOME");
  if (home !== undefined) return home;
  throw badPath("there is no HOME for a unit of your own");
}

function badPath(message: string): Fault {
  return new Fault({
    kind: "invalid",
    code: "admin.bad-path",
    message,
    hint: "give absolute paths: --executable=/usr/local/bin/remoteler -c /etc/remoteler.yaml",
  });
}
