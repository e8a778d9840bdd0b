/** The tunnel: many streams over one connection, as spec.md says. */
export type { Channel, ChannelReader } from "./channel.ts";
export {
  clientTunnelAlpn,
  dialClientTunnel,
  openClientStream,
  serveClientTunnel,
} from "./client_tunnel.ts";
export type { SessionOptions, StreamState, TunnelSession, TunnelStream } from "./contract.ts";
export {
  dialTunnel,
  type DialTunnelOptions,
  serveTunnel,
  type ServeTunnelOptions,
} from "./dial.ts";
export type { Tunnel } from "./dial.ts";
export type { AgentHello, ProxyHello, ServiceOffer } from "./hello.ts";
export { endWhenIdle, type IdleWatch } from "./idle.ts";
export { type KeepObserver, keepTunnel, type KeepTunnelOptions } from "./keep.ts";
export { type TunnelLimits, tunnelLimits } from "./limits.ts";
export { decodeOpenHeader, encodeOpenHeader, type OpenHeader } from "./open_header.ts";
export type { ResetCode } from "./reset.ts";
export { startSession } from "./session.ts";
export { type Sha1, tunnelPath, tunnelProtocol } from "./upgrade.ts";
