import type { Readable, Writable } from 'node:stream'

/** The streams of a command: data goes to stdout, everything else to stderr. */
export interface Io {
  stdin: Readable
  stdout: Writable
  stderr: Writable
}

/** A command answers its exit code: 0 done, 1 failed, 2 wrong usage. */
export type Command = (args: string[], io: Io) => Promise<number>

/** Writes data and waits while the reader at the other end is slower than we are. */
export function writeData(text: string, io: Io): Promise<void> | undefined {
  if (text === '' || io.stdout.write(text)) return undefined
  return new Promise((resolve, reject) => {
    io.stdout.once('drain', resolve)
    io.stdout.once('error', reject)
  })
}
