/**
 * How long a command takes to start. Measured on executables by a script of its own, which keeps
 * its rows here: `keepRows(figureRows("start", found, origin))`.
 */
import type { FigureWork } from "./figure.ts";

export const start: FigureWork = {
  name: "start",
  title: "Starting",
  about: "Executables as they are shipped, warm: their files are in memory and their code is " +
    "compiled.",
  figures: [
    { name: "`tsh version`", unit: "ms", bar: { atMost: 80, goal: 40 } },
    { name: "`tsh db ls`, besides the network", unit: "ms", bar: { atMost: 150 } },
  ],
  isQuick: false,
  run: null,
};
