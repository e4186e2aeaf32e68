import { createSeededRandom, type Random } from '#/kernel/random.ts'
import { createGrouper } from '#/processors/domain/grouping/fingerprint.ts'
import { fingerprintStack } from '#/processors/domain/grouping/stack-fingerprint.ts'
import { parseStack } from '#/processors/domain/grouping/stack-parse.ts'
import { createTemplateMiner } from '#/processors/domain/grouping/template-miner.ts'

const LINES = 20_000
const STACKS = 2_000
const ROUNDS = 9

/** Lines and stacks per CPU-second, medians; every input is made up and no line is repeated within a round. */
export async function run(print: (line: string) => void): Promise<void> {
  const random = createSeededRandom(11)
  const lines = Array.from({ length: LINES }, () => flat(makeLine(random)))
  const stacks = Array.from({ length: STACKS }, () => flat(makeStack(random)))
  const miner = createTemplateMiner()
  for (const line of lines) miner.learn(line)

  const warm = perSecond(LINES, () => {
    for (const line of lines) miner.learn(line)
  })
  const cold = perSecond(LINES, () => {
    const fresh = createTemplateMiner()
    for (const line of lines) fresh.learn(line)
  })
  const parsed = perSecond(STACKS, () => {
    for (const stack of stacks) {
      const read = parseStack(stack)
      if (read !== undefined) fingerprintStack(read)
    }
  })
  const grouped = perSecond(STACKS, () => {
    const grouper = createGrouper()
    for (const stack of stacks) grouper.group({ environment: 'prod', stack })
  })
  const repeated = createGrouper()
  const event = { environment: 'prod', message: lines[0] as string, stack: stacks[0] as string }
  const again = perSecond(LINES, () => {
    for (let at = 0; at < LINES; at++) repeated.group(event)
  })

  print(`grouping: message lines per CPU-second, known templates: ${warm}`)
  print(`grouping: message lines per CPU-second, from an empty state: ${cold}`)
  print(
    `grouping: raw stacks parsed and hashed per CPU-second (${averageLength(stacks)} characters): ${parsed}`,
  )
  print(`grouping: events with a new stack per CPU-second, whole order: ${grouped}`)
  print(`grouping: repeated events per CPU-second: ${again}`)
  await Promise.resolve()
}

function perSecond(count: number, work: () => void): number {
  const rates = Array.from({ length: ROUNDS }, () => {
    const start = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(start)
    return (count * 1e6) / (user + system)
  }).toSorted((left, right) => left - right)
  return Math.round(rates[Math.floor(ROUNDS / 2)] as number)
}

/** Inputs of the real pipeline are flat strings, not ropes. */
function flat(text: string): string {
  return Buffer.from(text).toString()
}

function averageLength(texts: readonly string[]): number {
  return Math.round(texts.reduce((sum, text) => sum + text.length, 0) / texts.length)
}

const WORDS =
  'order cart invoice payment session shipment catalog search report export webhook account'.split(
    ' ',
  )

function makeLine(random: Random): string {
  const word = random.pick(WORDS)
  const n = (below: number): number => random.int(below)
  switch (n(5)) {
    case 0:
      return `Received ${word} blk_${n(1e9)} of size ${n(1e8)} from /10.${n(255)}.${n(255)}.${n(255)}:${n(60_000)}`
    case 1:
      return `${word} ${n(1e6)} took ${n(9000)} ms, status=${n(2) === 0 ? 'ok' : 'slow'} host=db-${n(50)} retries=${n(4)}`
    case 2:
      return `Could not load ${word} ${n(1e6).toString(16).padStart(8, '0')} for user u${n(1e6)}: connection reset by peer`
    case 3:
      return `[worker-${n(64)}] finished ${word} batch ${n(1e5)} in ${n(60)}.${n(1000)} seconds, ${n(500)} rows written to /var/spool/${word}/${n(1e6)}.csv`
    default:
      return `GET https://shop.example/api/${word}/${n(1e7)}?page=${n(30)} 200 ${n(40_000)} bytes`
  }
}

function makeStack(random: Random): string {
  const word = random.pick(WORDS)
  const own = Array.from(
    { length: 5 },
    (_, at) =>
      `    at async ${word}Service.step${random.int(6)} (/srv/app/dist/${word}/${word}.service.js:${random.int(900)}:${at + 3})`,
  )
  const library = Array.from(
    { length: 7 },
    (_, at) =>
      `    at Layer.handle_${at} [as handle] (/srv/app/node_modules/express/lib/router/layer.js:${random.int(200)}:5)`,
  )
  return [
    `TypeError: Cannot read properties of undefined (reading '${word}')`,
    ...own,
    ...library,
  ].join('\n')
}
