/** What all statements of a session have in common, encoded once instead of with each of them. */
import type { SessionFields } from "./catalog.ts";
import { fitFields } from "./prepare.ts";

export class EventContext {
  readonly fields: SessionFields;

  constructor(fields: SessionFields) {
    this.fields = fitFields(fields);
  }

  /** The fields as a JSON object; whoever needs it more than once keeps it. */
  get json(): string {
    return JSON.stringify(this.fields);
  }
}

/** An event whose context was kept apart, whole again; both are JSON objects. */
export function joinContext(event: string, context: string | null): string {
  if (context === null || context.length <= 2) return event;
  return `${event.slice(0, -1)},${context.slice(1)}`;
}
