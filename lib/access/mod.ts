/** Who may do what: pure decisions over an identity, roles, labels and locks. */
export {
  type CommandAccess,
  commandCategories,
  type CommandConditions,
  type CommandQuestion,
} from "./commands.ts";
export * from "./decide.ts";
export { type Labelled, type Labels, mayServe } from "./labels.ts";
export type { SessionLimits } from "./limits.ts";
export * from "./lock.ts";
export { type Matcher, matcher } from "./match.ts";
export * from "./role.ts";
export type { Traits } from "./template.ts";
