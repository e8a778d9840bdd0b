/** The command line of both executables: a table of commands, typed options, one way to fail. */
export { type BasePowers, type Command, command } from "./command.ts";
export { type Completed, completionCommand, valueGiven } from "./completion.ts";
export { type Listed, listed, type Program, runProgram } from "./program.ts";
export {
  choice,
  count,
  duration,
  flag,
  list,
  optional,
  pairs,
  readDuration,
  required,
  rest,
  text,
} from "./options.ts";
export {
  type Format,
  formatOption,
  PagedList,
  readDocuments,
  render,
  show,
  showList,
  yamlOf,
} from "./format.ts";
export { type Column, table } from "./table.ts";
export { oneLine, print, readSecret, say, type Terminal } from "./terminal.ts";
export { type Progress, progress } from "./progress.ts";
export { faultLines, report } from "./exit.ts";
