/** Bytes that are not what Kafka's protocol says. The connection they came over is closed: nothing after them can be trusted. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}
