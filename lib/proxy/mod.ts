/** The Proxy Service. */
export { type Proxy, startProxy } from "./listen.ts";
export type { NativePort, ProxyConfig, ProxyPowers, ProxySystem } from "./powers.ts";
export { watchedKinds } from "./standing.ts";
