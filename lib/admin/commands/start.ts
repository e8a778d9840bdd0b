import { command, text } from "../../cli/mod.ts";
import { configFault, loadSecrets } from "../../config/mod.ts";
import type { AdminPowers } from "../powers.ts";
import { readConfig, siteOptions } from "../site.ts";

export const start = command({
  name: "start",
  summary: "run the services of a configuration file until SIGTERM or SIGINT",
  example: "start -c /etc/remoteler.yaml",
  options: {
    config: siteOptions.config,
    "ready-file": text({
      help: "written as JSON (addresses, CA pin) once everything listens",
      value: "PATH",
    }),
  },
  run: async (options, powers: AdminPowers) => {
    const { file, config, lineOf } = await readConfig(options, powers);
    const loaded = await loadSecrets(config, lineOf, {
      readText: (path) => powers.files.readText(path),
      env: (name) => powers.env(name),
    });
    if (!loaded.ok) throw configFault(file, loaded.issues);
    const { secrets } = loaded;
    return await powers.serve({ config, secrets, readyFile: options["ready-file"] });
  },
});
