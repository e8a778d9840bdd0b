/** Text in pieces to lines without their ends. */
export class TextLineStream extends TransformStream<string, string> {
  constructor() {
    let held = "";
    super({
      transform(chunk, controller) {
        const parts = (held + chunk).split("\n");
        held = parts.pop() ?? "";
        for (const part of parts) controller.enqueue(part);
      },
      flush(controller) {
        if (held !== "") controller.enqueue(held);
      },
    });
  }
}
