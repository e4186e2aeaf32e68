/**
 * An Avro object container around datums that are encoded already: magic, header, one uncompressed block. This is how
 * the records' own bytes reach ClickHouse without being decoded (Avro 1.12, "Object Container Files").
 */
const MAGIC = Buffer.from([0x4f, 0x62, 0x6a, 0x01])
const SYNC_BYTES = 16

export interface ContainerRequest {
  /** Schema the datums were written with, as JSON text. */
  schemaJson: string
  /** Sixteen bytes that end the header and the block; the same for the same batch, so that a retry sends the same bytes. */
  sync: Buffer
  datums: readonly Buffer[]
}

/** Zigzag variable-length encoding of an integer up to 2^53; answers the position behind it. */
export function writeVarLong(target: Buffer, value: number, at: number): number {
  let position = at
  // Above 2^31 the bit operators would wrap: halve with arithmetic until the rest is small.
  let rest = value >= 0 ? value * 2 : -value * 2 - 1
  while (rest >= 0x80) {
    target[position] = (rest % 0x80) | 0x80
    position += 1
    rest = Math.floor(rest / 0x80)
  }
  target[position] = rest
  return position + 1
}

function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string)
  const length = Buffer.allocUnsafe(10)
  return Buffer.concat([length.subarray(0, writeVarLong(length, bytes.length, 0)), bytes])
}

function headerOf({ schemaJson, sync }: ContainerRequest): Buffer {
  if (sync.length !== SYNC_BYTES) throw new RangeError(`the sync marker has ${SYNC_BYTES} bytes`)
  const count = Buffer.allocUnsafe(10)
  const entries = count.subarray(0, writeVarLong(count, 2, 0))
  const codec = [text('avro.codec'), text('null')]
  return Buffer.concat([
    MAGIC,
    entries,
    text('avro.schema'),
    text(schemaJson),
    ...codec,
    Buffer.from([0]),
    sync,
  ])
}

export function avroContainer(request: ContainerRequest): Buffer {
  const { datums, sync } = request
  let bytes = 0
  for (const datum of datums) bytes += datum.length
  const head = headerOf(request)
  const whole = Buffer.allocUnsafe(head.length + bytes + 20 + SYNC_BYTES)
  let at = head.copy(whole, 0)
  at = writeVarLong(whole, datums.length, at)
  at = writeVarLong(whole, bytes, at)
  for (const datum of datums) at += datum.copy(whole, at)
  at += sync.copy(whole, at)
  return whole.subarray(0, at)
}
