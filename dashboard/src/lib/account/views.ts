/** An API key as the list shows it. */
export interface KeyView {
  id: string
  name: string
  scopes: readonly string[]
  last_used_at: number | null
  revoked_at: number | null
}
