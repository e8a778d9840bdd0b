import { command, formatOption, show } from "../../cli/mod.ts";
import type { AdminPowers } from "../powers.ts";

export const version = command({
  name: "version",
  summary: "show the version of this program",
  example: "version --format=json",
  options: { format: formatOption },
  run: async (options, powers: AdminPowers) => {
    const shown = { version: powers.version };
    await show(powers.terminal, options.format, shown, () => `remoteler ${powers.version}`);
    return 0;
  },
});
