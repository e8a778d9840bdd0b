/** Bounds of one tunnel session; all are counts or bytes. */
export interface TunnelLimits {
  /** Open streams of both sides together. */
  readonly streamsMax: number;
  /** A stream's receive window grows to this by use. */
  readonly windowBytesMax: number;
  /** All receive windows together: what unread data can cost at most. */
  readonly windowBytesTotal: number;
  /** Frames put into one message, beside control frames. */
  readonly messageBytesMax: number;
  /** A stream's `write` asks for patience from here on. */
  readonly queueBytesMax: number;
  /** Control frames that a peer may make wait here without reading them. */
  readonly controlBytesMax: number;
}

export const tunnelLimits: TunnelLimits = {
  streamsMax: 2048,
  windowBytesMax: 1024 * 1024,
  windowBytesTotal: 640 * 1024 * 1024,
  messageBytesMax: 128 * 1024,
  queueBytesMax: 256 * 1024,
  controlBytesMax: 1024 * 1024,
};

/** A client's tunnel: as many streams as `tsh` takes connections, and room for some to grow. */
export const clientTunnelLimits: TunnelLimits = {
  ...tunnelLimits,
  streamsMax: 512,
  windowBytesTotal: 160 * 1024 * 1024,
};
