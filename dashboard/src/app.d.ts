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
  }
  interface Platform {
    /** Answers `/api/*` inside the process; set by whoever mounts the build (mount.ts). */
    api?: (request: Request) => Promise<Response>
  }
}
