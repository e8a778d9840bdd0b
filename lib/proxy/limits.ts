/** All bounds of the proxy in one place; bytes, counts and milliseconds. */

/** A ClientHello with post-quantum key shares is about 2 KiB. */
export const clientHelloBytesMax = 16 * 1024;
/** From the first byte to a verified identity, over all steps. */
export const handshakeMsMax = 10_000;
/** Connections that have not yet shown who they are. */
export const strangerLimits = { max: 1024, maxPerSource: 256 };
/**
 * Connections to the web server and through to Auth: past the handshake, known by nobody here. An
 * agent keeps three to Auth, and a whole fleet may stand behind one address.
 */
export const guestLimits = { max: 8192, maxPerSource: 4096 };
/** Connections passed on end to end that no agent has accepted yet. */
export const unprovenLimits = { max: 1024, maxPerSource: 256 };
/** What is kept of a client until an agent has accepted, so that another one can be tried. */
export const keptBytesMax = 64 * 1024;
/** Agents tried for one session. */
export const attemptsMax = 4;
/** Waiting for one agent's word; its own limit for reaching the database is shorter. */
export const acceptMsMax = 30_000;
/** Without word from Auth for so long, what agents said of their databases counts no more. */
export const healthStaleMs = 60_000;
/** After a refusal was written: for the client to read it and close. */
export const goodbyeMs = 2_000;
/** The agent ends a session in the client's own protocol; after this the proxy does, bluntly. */
export const lockGraceMs = 900;
/** Requests to cancel: at once, and then one each so often, for each address. */
export const cancelBurst = 20;
export const cancelPeriodMs = 500;
/** Streams that one client's tunnel opens: at once, and then one each so often. */
export const streamBurst = 1000;
export const streamPeriodMs = 2;
/** A client's tunnel without a stream is sent away after one to two of these. */
export const clientIdleMs = 150_000;
/** Logins and invites: at once, and then one each so often, for each address. */
export const loginBurst = 10;
export const loginPeriodMs = 6_000;
/** Audit events of strangers: at once, and then one each so often, for each address. */
export const strangerEventBurst = 20;
export const strangerEventPeriodMs = 3_000;
/** Addresses remembered by one rate limit; the oldest is forgotten first. */
export const rateAddressesMax = 10_000;
/** Bodies of the public web API. */
export const webBodyBytesMax = 64 * 1024;
/** How often certificate files are looked at. */
export const reloadPeriodMs = 5_000;
