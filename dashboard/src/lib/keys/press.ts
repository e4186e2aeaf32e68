export interface KeyPress {
  key: string
  ctrlKey: boolean
  metaKey: boolean
  altKey: boolean
  shiftKey: boolean
}

/** The name of a press as the registry writes it; '' for keys that cannot be part of a shortcut. */
export function pressName(press: KeyPress): string {
  if (press.altKey) return ''
  const key = press.key.toLowerCase()
  if (press.ctrlKey || press.metaKey) return `mod+${key}`
  if (press.key.length > 1) return key === 'enter' ? key : ''
  return press.shiftKey && /^[a-z]$/.test(key) ? `shift+${key}` : key
}

/** Whether a press is a single key or a sequence of them, which somebody who dictates or trembles switches off. */
export const isSingle = (name: string): boolean => !name.startsWith('mod+')
