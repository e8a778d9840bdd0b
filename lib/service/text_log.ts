/** A JSON log line as text for people: `time LEVEL room: text key=value ...`. */
export function textLine(line: string): string {
  const fields = new Map<string, unknown>(Object.entries(JSON.parse(line)));
  const take = (name: string): string => {
    const value = fields.get(name);
    fields.delete(name);
    return String(value ?? "");
  };
  const [time, level, room, text] = ["time", "level", "room", "text"].map(take);
  const rest = [...fields].map(([name, value]) => ` ${name}=${drawn(value)}`).join("");
  return `${time} ${level?.toUpperCase()} ${room}: ${text}${rest}\n`;
}

function drawn(value: unknown): string {
  return typeof value === "string" && !/^[\w.:/@+-]+$/.test(value)
    ? JSON.stringify(value)
    : String(value);
}
