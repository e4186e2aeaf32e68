/** What the API needs from the rest of the platform, each given to `buildApp`. */
import type { StageView } from '#/schemas/view.ts'

export type { Reads } from '#/schemas/reads.ts'

/** The state of the processors: lag per consumer group and whether its tasks run. */
export interface Pipeline {
  stages(): Promise<readonly StageView[]>
}

/** The server-rendered pages; SvelteKit's server satisfies it. */
export interface Dashboard {
  respond(request: Request): Promise<Response>
  /** Folder of the built browser files, served under their own names. */
  clientDir: string
}
