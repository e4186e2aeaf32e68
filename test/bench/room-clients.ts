/**
 * The people of a room in a process of their own: they attend, ten of them change something, and each change is timed
 * from its author's send to the moment the last of them has it. Prints one line of JSON.
 */
import { parseArguments } from '#/cli/options.ts'
import type { OptionSpec } from '#/cli/options.ts'
import { systemClock } from '#/kernel/clock.ts'
import { SOCKET_LIMITS, SUBPROTOCOL, TICKET_PREFIX } from '#/schemas/collab/protocol.ts'

const OPTIONS: readonly OptionSpec[] = [
  { name: 'urls', type: 'text', about: 'the gateways, with commas between them' },
  { name: 'incident', type: 'text', about: 'its id' },
  { name: 'people', type: 'number', about: 'how many attend' },
  { name: 'changes', type: 'number', about: 'how many are timed' },
  { name: 'burst', type: 'number', about: 'how many are sent at once afterwards' },
]

/** Milliseconds. */
export interface RoomTimes {
  p50Ms: number
  p99Ms: number
  maxMs: number
  /** Until the last one has the last of the changes that were sent at once. */
  burstMs: number
}

const AUTHORS = 10
const PAUSE_MS = 25

/** One receiver: counts what it has, and says when. */
function attend(
  { url, incident }: { url: string; incident: string },
  name: string,
  onEvent: (cmdId: string) => void,
): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, [SUBPROTOCOL, `${TICKET_PREFIX}${name}`])
    socket.addEventListener('error', () => reject(new Error(`${name} was not let in`)))
    socket.addEventListener('open', () => {
      const hello = { type: 'hello', incidentId: incident, lastSeq: 0, clientId: name }
      socket.send(JSON.stringify(hello))
    })
    socket.addEventListener('message', ({ data: sent }) => {
      const data = String(sent)
      if (data.startsWith('{"type":"welcome"')) resolve(socket)
      else if (data.startsWith('{"type":"event"'))
        onEvent((JSON.parse(data) as { cmdId: string }).cmdId)
    })
  })
}

interface Wish {
  urls: readonly string[]
  incident: string
  people: number
  changes: number
  burst: number
}

async function timesOf({
  urls,
  incident,
  people,
  changes,
  burst,
}: Wish): Promise<{ times: number[]; burstMs: number }> {
  const left = new Map<string, { missing: number; done: (ms: number) => void }>()
  const onEvent = (cmdId: string): void => {
    const waiting = left.get(cmdId)
    if (waiting === undefined) return
    waiting.missing -= 1
    if (waiting.missing === 0) waiting.done(performance.now())
  }
  const sockets = await Promise.all(
    Array.from({ length: people }, (_, index) =>
      attend({ url: urls[index % urls.length]!, incident }, `p${index}`, onEvent),
    ),
  )
  // As pages do: who says nothing for half a minute is taken for gone.
  const beating = setInterval(() => {
    for (const socket of sockets) socket.send('{"type":"ping"}')
  }, SOCKET_LIMITS.heartbeatMs)
  const change = (index: number, kind: string, payload: object): Promise<number> => {
    const author = index % AUTHORS
    const cmdId = `r${people}-${kind}-${author}:${index}`
    const text = JSON.stringify({ type: 'cmd', cmdId, kind, payload })
    const startedMs = performance.now()
    return new Promise((resolve) => {
      left.set(cmdId, { missing: people, done: (atMs) => resolve(atMs - startedMs) })
      sockets[author]!.send(text)
    })
  }
  for (let author = 0; author < AUTHORS; author += 1)
    sockets[author]!.send(
      JSON.stringify({ type: 'cmd', cmdId: `j${people}-${author}:1`, kind: 'join', payload: {} }),
    )
  await systemClock.sleep(1_000)
  const times: number[] = []
  await change(0, 'card_create', { id: `c${people}`, kind: 'symptom', title: 'bench' })
  for (let index = 1; index <= changes; index += 1) {
    times.push(await change(index, 'card_move', { id: `c${people}`, x: index, y: 0 }))
    await systemClock.sleep(PAUSE_MS)
  }
  const startedMs = performance.now()
  const all = Array.from({ length: burst }, (_, index) =>
    change(changes + 1 + index, 'card_move', { id: `c${people}`, x: index, y: 1 }),
  )
  await Promise.all(all)
  const burstMs = performance.now() - startedMs
  clearInterval(beating)
  for (const socket of sockets) socket.close()
  return { times: times.toSorted((a, b) => a - b), burstMs }
}

const { given } = parseArguments(process.argv.slice(2), OPTIONS)
const { times, burstMs } = await timesOf({
  urls: String(given['urls']).split(','),
  incident: String(given['incident']),
  people: Number(given['people']),
  changes: Number(given['changes']),
  burst: Number(given['burst']),
})
const at = (share: number): number => times[Math.floor((times.length - 1) * share)] ?? Number.NaN
const result: RoomTimes = { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), burstMs }
process.stdout.write(`${JSON.stringify(result)}\n`)
