/** Presses before the page's scripts had come, from app.html. */
declare var faultlineEarly: import('#lib/ui/early.ts').EarlyPress[] | undefined

declare namespace App {
  interface Error {
    status: number
    message: string
    /** Stable code of the API's problem, when it answered with one. */
    code?: string
    /** What to do next, in one sentence. */
    remedy?: string
  }
  interface Locals {
    theme: '' | 'light' | 'dark'
    /** The pages are those of a drill's sandbox. */
    isDrill: boolean
  }
  interface Platform {
    /** Answers `/api/*` inside the process; set by whoever mounts the build (mount.ts). */
    api?: (request: Request) => Promise<Response>
    /** It is the sandbox of a drill: every page says so, with or without scripts. */
    isDrill?: boolean
  }
}
