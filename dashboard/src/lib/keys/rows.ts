/** Rows of a list are links marked with `data-row`; j and k move the real focus among them. */

export function moveRow(root: ParentNode, step: 1 | -1): void {
  const rows = [...root.querySelectorAll<HTMLElement>('[data-row]')]
  if (rows.length === 0) return
  const active = document.activeElement
  const index = rows.findIndex((row) => row === active || row.contains(active))
  const start = step === 1 ? -1 : rows.length
  const next = rows[Math.min(rows.length - 1, Math.max(0, (index < 0 ? start : index) + step))]
  next?.focus({ preventScroll: true })
  next?.scrollIntoView({ block: 'nearest' })
}

/** Where single keys are text, not shortcuts. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
}
