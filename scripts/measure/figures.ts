/** All measurements that are no race between paths, in the order of the document. */
import { auditCost } from "./audit_cost.ts";
import { auditThroughput } from "./audit_throughput.ts";
import { certificates } from "./certificates.ts";
import { fairness } from "./fairness.ts";
import type { FigureWork } from "./figure.ts";
import { fleet } from "./fleet.ts";
import { idle } from "./idle.ts";
import { mysql } from "./mysql.ts";
import { redis } from "./redis.ts";
import { scaling } from "./scaling.ts";
import { stalledReader } from "./stalled_reader.ts";
import { start } from "./start.ts";

export const figureWorks: readonly FigureWork[] = [
  auditCost,
  auditThroughput,
  certificates,
  fairness,
  stalledReader,
  idle,
  scaling,
  fleet,
  mysql,
  redis,
  start,
];
