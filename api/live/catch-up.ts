import type { Log } from '#/processors/log/port.ts'
import { createFrameDraft } from './frame-draft.ts'
import type { FrameFeed } from './frame-feed.ts'
import type { Running } from './hub.ts'
import type { LiveClient } from './live-client.ts'
import { encodeMessage, hears } from './message-feed.ts'
import type { MessageClient } from './message-feed.ts'
import { decodePositions, distance, encodePositions } from './positions.ts'
import type { Positions } from './positions.ts'
import { replayBetween } from './replay.ts'

interface CatchUpDeps {
  log: Log
  onProblem?: ((error: unknown) => void) | undefined
}

/** Records read again for one returning client; beyond, reading everything anew is cheaper for all. */
const FRAME_RECORDS_MAX = 20_000
const MESSAGE_RECORDS_MAX = 120_000

/**
 * Lets a client of frames in: without a last id from now on, else from exactly there, out of the ring or of the log.
 * What happens meanwhile is held, so that nothing is missed or told twice.
 */
export async function catchUpFrames(
  deps: CatchUpDeps,
  own: Running,
  wish: { client: LiveClient; feed: FrameFeed; lastId: string },
): Promise<void> {
  const { client, feed, lastId } = wish
  feed.flush()
  feed.join(client)
  if (lastId === '' || lastId === encodePositions(own.positions)) return
  const missed = feed.after(lastId)
  if (missed !== undefined) {
    for (const text of missed) client.send(text)
    return
  }
  const from = decodePositions(lastId, own.sources.length)
  const to = [...own.positions]
  if (from === undefined || !isBehind(from, to) || distance(from, to) > FRAME_RECORDS_MAX) {
    client.resync()
    return
  }
  client.hold()
  try {
    const draft = createFrameDraft()
    const target = { project: client.project, ...draft }
    await replayBetween(deps.log, { sources: own.sources, from, to }, (source, record) =>
      own.dispatch.replayed.addTo(target, source, record),
    )
    if (!draft.isEmpty()) client.sendNow(feed.encode(draft, to))
  } catch (error) {
    deps.onProblem?.(error)
    client.resync()
  }
  client.release()
}

/** The same for messages, each with its own id. */
export async function catchUpMessages(
  deps: CatchUpDeps,
  own: Running,
  wish: { member: MessageClient; lastId: string },
): Promise<void> {
  const { member, lastId } = wish
  const { client } = member
  own.dispatch.messages.join(member)
  if (lastId === '' || lastId === encodePositions(own.positions)) return
  const from = decodePositions(lastId, own.sources.length)
  const to = [...own.positions]
  if (from === undefined || !isBehind(from, to) || distance(from, to) > MESSAGE_RECORDS_MAX) {
    client.resync()
    return
  }
  client.hold()
  try {
    await replayBetween(
      deps.log,
      { sources: own.sources, from, to },
      async (source, record, behind) => {
        const found = await own.dispatch.replayed.messageOf(source, record, behind)
        if (found?.project !== client.project || !hears(member, found.services)) return
        client.sendNow(encodeMessage(found.message, member.transport))
      },
    )
  } catch (error) {
    deps.onProblem?.(error)
    client.resync()
  }
  client.release()
}

/** A client ahead of us was served by another instance that read further; then only reading anew is exact. */
function isBehind(from: Positions, to: Positions): boolean {
  return from.every((offset, source) => offset <= (to[source] ?? 0))
}
