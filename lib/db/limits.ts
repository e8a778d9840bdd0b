/** Every bound of this room, in one place. Times in milliseconds. */

/** From the first byte of a stream to its startup message. */
export const startupMsMax = 10_000;
/** A TLS handshake that ends here, and how many there are at the same time. */
export const tlsMsMax = 10_000;
export const handshakesMax = 256;
/** From the connection to the database to the end of its login, each of the two. */
export const connectMsMax = 10_000;
export const loginMsMax = 15_000;
/** A cancel request, all in all. */
export const cancelMsMax = 10_000;
/** Statements of one client held until the spool has their intents; above it the client waits. */
export const heldBytesMax = 256 * 1024;
/**
 * Statements sent without an answer so far; above it the session ends, since each is remembered.
 */
export const openStatementsMax = 100_000;
export const openTextBytesMax = 64 * 1024 * 1024;
/** How long an end waits for the end of a message that is half sent to the client. */
export const lastWordsMsMax = 1_000;
/** How long the other side may take to close after one has; traffic starts it anew. */
export const lingerMs = 30_000;
/** The same where we ended the session, or nobody is left to read. */
export const partingMs = 2_000;
/** Live sessions of one agent; cancel keys have 16 bits to tell them apart. */
export const sessionsMax = 10_000;
/** From a change of locks, roles or users to the decision over the live sessions. */
export const redecideMs = 100;
/** How often a database that answers is probed, about; one that does not is at least as often. */
export const probePeriodMs = 30_000;
/** A database is not asked again sooner than this, whatever sessions find. */
export const doubtMs = 1_000;
/** Why a database isn't healthy, in so many characters. */
export const reasonCharsMax = 256;
/** For the address of a database's host, in a test. */
export const resolveMsMax = 5_000;
/** What one step of a test says, in characters. */
export const foundCharsMax = 512;
/** Tests of databases at one time; those beyond are told so. */
export const trialsMax = 8;
/** From a change that heartbeats tell of to the next heartbeat, and the least between two. */
export const newsMs = 1_000;
/** How often the spool's health is looked at. */
export const watchdogMs = 500;
/** Without word from Auth for so long, roles with `lock: strict` open no new session. */
export const lockStalenessMs = 5 * 60_000;
/** A database certificate is renewed this long before its end. */
export const certificateMarginMs = 10 * 60_000;
/** Waiting for Auth's signature. */
export const certificateMsMax = 10_000;
export const certificatesMax = 4_096;
/** Audit events of clients nobody knows: at once, and then one each so often. */
export const strangerEventBurst = 20;
export const strangerEventPeriodMs = 3_000;
/** Cancel requests being passed on at the same time; more are dropped. */
export const cancelsMax = 64;
