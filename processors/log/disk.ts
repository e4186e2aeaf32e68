import {
  closeSync,
  fdatasync,
  fsyncSync,
  ftruncateSync,
  openSync,
  read as readFile,
  writeSync,
  writevSync,
} from 'node:fs'
import { dirname } from 'node:path'

/** The file calls of the embedded log in one place, so that a test can let the disk fill up or fail. */
export interface Disk {
  /** Opens for writing, creates what is missing, keeps what is there. */
  open(path: string): number
  /** Writes all blocks one behind the other at `position`, or throws; then part of them may be written. */
  write(fd: number, blocks: readonly Buffer[], position: number): void
  truncate(fd: number, bytes: number): void
  close(fd: number): void
  /** Resolves when the file's bytes are on the medium; with its folder, so is its name. */
  sync(path: string, options: { withFolder: boolean }): Promise<void>
  /** Reads up to `bytes` bytes; fewer at the end of the file. */
  read(path: string, position: number, bytes: number): Promise<Buffer>
}

function writeAll(fd: number, block: Buffer, position: number): void {
  let written = 0
  while (written < block.length) {
    written += writeSync(fd, block, written, block.length - written, position + written)
  }
}

function write(fd: number, blocks: readonly Buffer[], position: number): void {
  const [first] = blocks
  if (first === undefined) return
  if (blocks.length === 1) {
    writeAll(fd, first, position)
    return
  }
  let skip = writevSync(fd, blocks, position)
  let at = position
  // Nearly always everything is written at once; what is left goes block by block.
  for (const block of blocks) {
    if (skip < block.length) writeAll(fd, block.subarray(skip), at + skip)
    skip = Math.max(0, skip - block.length)
    at += block.length
  }
}

function dataSync(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fdatasync(fd, (error) => (error === null ? resolve() : reject(error)))
  })
}

/** A new name needs its folder on the medium too (fsync(2), notes). */
function folderSync(path: string): void {
  const fd = openSync(dirname(path), 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

async function sync(path: string, { withFolder }: { withFolder: boolean }): Promise<void> {
  const fd = openSync(path, 'r+')
  try {
    await dataSync(fd)
  } finally {
    closeSync(fd)
  }
  if (withFolder) folderSync(path)
}

function read(path: string, position: number, bytes: number): Promise<Buffer> {
  // Opened for each read: an open file stays readable when retention removes its name meanwhile.
  const fd = openSync(path, 'r')
  const target = Buffer.allocUnsafeSlow(bytes)
  return new Promise((resolve, reject) => {
    readFile(fd, target, 0, bytes, position, (error, count) => {
      closeSync(fd)
      if (error === null) resolve(count === bytes ? target : target.subarray(0, count))
      else reject(error)
    })
  })
}

const CREATE_OR_KEEP = 0o102 // O_RDWR | O_CREAT

export const systemDisk: Disk = {
  open: (path) => openSync(path, CREATE_OR_KEEP, 0o644),
  write,
  truncate: ftruncateSync,
  close: closeSync,
  sync,
  read,
}
