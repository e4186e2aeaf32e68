/** How a template, and a title made of one, writes a place that varies. Stored so, because it is matched and hashed. */
export const OPEN_PLACE = '<*>'

/** A title or sentence as people read it: what its template leaves open is an ellipsis. */
export function plainTitle(text: string): string {
  return text.replaceAll(OPEN_PLACE, '…')
}
