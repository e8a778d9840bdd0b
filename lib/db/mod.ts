/** The Database Service. */
export { type Agent, type AgentConfig, type AgentPowers, startAgent } from "./agent.ts";
export type { ConnectPowers, DatabaseSocket } from "./connect.ts";
export type { SecretCredentials } from "./credentials/secret.ts";
export type { HostMaterial, TunnelPowers } from "./proxy_tunnels.ts";
export { watchedKinds } from "./standing.ts";
export type { DatabaseConfig, TlsMode } from "./targets.ts";
