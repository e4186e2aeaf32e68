/** One entry for about this much of a file; a read walks at most this far to its first record. */
export const INDEX_INTERVAL_BYTES = 16 * 1024
const COLUMNS = 3

/**
 * Where batches lie in a segment: offset, byte position, and the largest timestamp before that position (which
 * never falls, although timestamps may). Sparse; kept in memory for the segment being written, in meta.db for all.
 */
export class SegmentIndex {
  #cells: Float64Array
  #count: number

  constructor(bytes?: Uint8Array) {
    this.#cells = new Float64Array(16 * COLUMNS)
    this.#count = 0
    if (bytes === undefined || bytes.byteLength === 0) return
    this.#cells = new Float64Array(bytes.slice().buffer)
    this.#count = this.#cells.length / COLUMNS
  }

  /** Notes a batch, unless the last entry is near. */
  add(offset: number, position: number, timestampMsMaxBefore: number): void {
    const last = this.#count - 1
    if (last >= 0 && position - this.#cell(last, 1) < INDEX_INTERVAL_BYTES) return
    const at = this.#count * COLUMNS
    if (at === this.#cells.length) {
      const grown = new Float64Array(this.#cells.length * 2)
      grown.set(this.#cells)
      this.#cells = grown
    }
    this.#cells[at] = offset
    this.#cells[at + 1] = position
    this.#cells[at + 2] = timestampMsMaxBefore
    this.#count++
  }

  /** A position at or before the batch that holds `offset`. */
  positionOfOffset(offset: number): number {
    return this.#positionBefore(0, (cell) => cell <= offset)
  }

  /** A position at or before the first record stamped `timestampMs` or later. */
  positionOfTimestamp(timestampMs: number): number {
    return this.#positionBefore(2, (cell) => cell < timestampMs)
  }

  /** The entries below `bytes` of the file. */
  toBytes(bytes: number): Uint8Array {
    let count = this.#count
    while (count > 0 && this.#cell(count - 1, 1) >= bytes) count--
    return new Uint8Array(this.#cells.slice(0, count * COLUMNS).buffer)
  }

  #cell(entry: number, column: number): number {
    return this.#cells[entry * COLUMNS + column]!
  }

  /** The position of the last entry whose `column` passes; columns ascend. */
  #positionBefore(column: number, passes: (cell: number) => boolean): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (passes(this.#cell(middle, column))) low = middle + 1
      else high = middle
    }
    return low === 0 ? 0 : this.#cell(low - 1, 1)
  }
}

/** One file of a partition. Readers see only `bytes` of it; what lies behind is being written or torn. */
export interface Segment {
  baseOffset: number
  path: string
  bytes: number
  /** The next offset behind it. */
  end: number
  timestampMsMax: number
  createdMs: number
  /** undefined while it lies in meta.db only. */
  index: SegmentIndex | undefined
  /** How much is on the medium. */
  bytesSynced: number
  /** How much meta.db has the index of; what lies behind is scanned on open. */
  bytesIndexed: number
  isFolderSynced: boolean
  /** The next append starts a new segment. */
  isSealed: boolean
}

export function createSegment(
  place: Pick<Segment, 'baseOffset' | 'path'>,
  createdMs: number,
): Segment {
  return {
    ...place,
    bytes: 0,
    end: place.baseOffset,
    timestampMsMax: -Infinity,
    createdMs,
    index: new SegmentIndex(),
    bytesSynced: 0,
    bytesIndexed: 0,
    isFolderSynced: false,
    isSealed: false,
  }
}

/** `00000000000000000042.log`, as Kafka names them, so that names sort like offsets. */
export function segmentFileName(baseOffset: number, generation = 0): string {
  const suffix = generation === 0 ? '' : `.${generation}`
  return `${String(baseOffset).padStart(20, '0')}${suffix}.log`
}
