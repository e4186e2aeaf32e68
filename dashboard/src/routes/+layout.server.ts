import { wallClock } from '#lib/time/now.ts'

import type { LayoutServerLoad } from './$types'

export const load: LayoutServerLoad = ({ locals }) => ({
  theme: locals.theme,
  isDrill: locals.isDrill,
  asOf: wallClock(),
})
