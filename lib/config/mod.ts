/** `remoteler.yaml`: its shape, and reading it with every mistake told at once. */
export { configFault, type ConfigIssue, loadConfig, type Loaded } from "./load.ts";
export { type LoadedSecrets, loadSecrets, type Secrets, secretVariables } from "./secrets.ts";
export { configMarkdown } from "./describe.ts";
export {
  type AuthConfig,
  type Config,
  configJsonSchema,
  type DatabaseConfig,
  type DbConfig,
  type ProxyConfig,
} from "./shape.ts";
export { type Address, readAddress, writeAddress } from "./fields.ts";
export { closest } from "./suggest.ts";
