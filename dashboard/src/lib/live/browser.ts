import { LiveFeed } from '#lib/live/feed.svelte.ts'

/** The feed with what a real browser gives it. Nothing is touched before `start()`, so it can be made on the server. */
export function browserFeed(now: () => number, reload: () => void): LiveFeed {
  return new LiveFeed({
    openSource: (url) => new EventSource(url),
    openChannel: (name) => new BroadcastChannel(name),
    get locks() {
      return navigator.locks as LockManager | undefined
    },
    setTimer: (run, delayMs) => setTimeout(run, delayMs),
    onNextFrame: (run) => {
      requestAnimationFrame(run)
    },
    now,
    reload,
  })
}
