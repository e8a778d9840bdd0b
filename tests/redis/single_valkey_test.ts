import { newerSingle } from "./newer_single.ts";

await newerSingle("valkey");
