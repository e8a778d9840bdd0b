import { newerCluster } from "./newer_cluster.ts";

await newerCluster("redis");
