/**
 * For those who embed Remoteler or build on it: the contract and its client, the shapes of what is
 * kept and recorded, the interfaces that a store or protocol implements, and the services composed.
 *
 * @module
 */
export { type AuthClient, type CallInput, type CallName, contract } from "./lib/api/contract.ts";
export { type ApiTransport, authClient } from "./lib/api/client.ts";
export {
  type Resource,
  type ResourceKind,
  type ResourceOf,
  resources,
} from "./lib/api/resources.ts";
export { type AuditEvent, catalog, type EventName } from "./lib/audit/catalog.ts";
export { verifyLog, type VerifyReport } from "./lib/audit/verify.ts";
export { memoryBackend, sqliteBackend } from "./lib/backend/mod.ts";
export { type Config, configJsonSchema, loadConfig, loadSecrets } from "./lib/config/mod.ts";
export type { Backend, Change, Commit, CommitResult, Entry } from "./lib/core/backend.ts";
export type { Clock } from "./lib/core/clock.ts";
export {
  exitCodes,
  Fault,
  type FaultCode,
  type FaultKind,
  httpStatuses,
} from "./lib/core/fault.ts";
export type { HostIdentity, Identity, UserIdentity } from "./lib/core/identity.ts";
export type { Log } from "./lib/core/log.ts";
export type { Random } from "./lib/core/random.ts";
export type { ByteStream, StreamReader } from "./lib/core/stream.ts";
export { version } from "./lib/core/version.ts";
export { serve, type ServeOrder } from "./lib/service/serve.ts";
export { dialTunnel, serveTunnel, type TunnelSession } from "./lib/tunnel/mod.ts";
export { type Protocol, protocolNamed, protocols } from "./lib/wire/mod.ts";
