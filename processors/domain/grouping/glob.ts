/**
 * True when `text` matches `pattern` as a whole: `*` is any run, `?` any one character, case does not
 * matter. Linear in practice and never worse than |pattern| × |text|: no regular expression is built.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const wanted = pattern.toLowerCase()
  const given = text.toLowerCase()
  let at = 0
  let place = 0
  let star = -1
  let resume = 0
  while (at < given.length) {
    const code = wanted.charCodeAt(place)
    if (place < wanted.length && code === 42) {
      star = place++
      resume = at
    } else if (place < wanted.length && (code === 63 || code === given.charCodeAt(at))) {
      place++
      at++
    } else if (star >= 0) {
      place = star + 1
      at = ++resume
    } else return false
  }
  while (wanted.charCodeAt(place) === 42) place++
  return place === wanted.length
}
