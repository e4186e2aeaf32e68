export type Theme = '' | 'light' | 'dark'

/** Empty means: as the system says. */
export function readTheme(value: string | undefined): Theme {
  return value === 'light' || value === 'dark' ? value : ''
}

const FOLLOWS = { '': 'light', light: 'dark', dark: '' } as const satisfies Record<Theme, Theme>

export function nextTheme(theme: Theme): Theme {
  return FOLLOWS[theme]
}

export const THEME_NAME: Readonly<Record<Theme, string>> = {
  '': 'system',
  light: 'light',
  dark: 'dark',
}

/** One year, this site only, never sent along from elsewhere. */
export function themeCookie(theme: Theme): string {
  const age = theme === '' ? 0 : 31_536_000
  return `theme=${theme}; path=/; max-age=${age}; samesite=lax`
}
