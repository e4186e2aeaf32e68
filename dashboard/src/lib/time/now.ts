/** The dashboard's one reading of the wall clock; everything else is given a time. Milliseconds since the epoch. */
export function wallClock(): number {
  return Date.now()
}
