import { statfs } from 'node:fs/promises'

/** With less than this the log refuses soon, and ClickHouse cannot merge. */
const FREE_BYTES_MIN = 32 << 20

/** For readiness: rejects with a sentence when the disk of the data folder is as good as full. */
export async function checkDisk(folder: string): Promise<string> {
  const { bavail, bsize } = await statfs(folder)
  const free = `${Math.floor((bavail * bsize) / (1 << 20)).toLocaleString('en')} MB free`
  if (bavail * bsize < FREE_BYTES_MIN) throw new Error(`the disk of ${folder} is full: ${free}`)
  return free
}
