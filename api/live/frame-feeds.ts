import { createFrameFeed } from './frame-feed.ts'
import type { FrameFeed, FrameFeedOptions } from './frame-feed.ts'
import type { LiveClient } from './live-client.ts'

/** Projects with a feed; past it those without clients lose theirs, and with it their ring. */
const FEEDS_MAX = 100

export interface FrameFeeds {
  /** The feed of a project somebody asked for; others have none. */
  get(project: string): FrameFeed | undefined
  open(project: string): FrameFeed
  flush(): void
  clients(): Iterable<LiveClient>
}

export function createFrameFeeds(options: FrameFeedOptions): FrameFeeds {
  const feeds = new Map<string, FrameFeed>()
  const dropUnused = (): void => {
    for (const [project, feed] of feeds) if (feed.clients().size === 0) feeds.delete(project)
  }
  return {
    get: (project) => feeds.get(project),
    open(project) {
      let feed = feeds.get(project)
      if (feed !== undefined) return feed
      if (feeds.size >= FEEDS_MAX) dropUnused()
      feed = createFrameFeed(options)
      feeds.set(project, feed)
      return feed
    },
    flush: () => feeds.forEach((feed) => feed.flush()),
    *clients() {
      for (const feed of feeds.values()) yield* feed.clients()
    },
  }
}
