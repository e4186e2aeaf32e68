import type { Random } from '#/kernel/random.ts'

/** Values as logs carry them, drawn from a seeded source. */
export interface Values {
  int: (max?: number) => number
  pick: (...of: readonly string[]) => string
  hex: (digits: number) => string
  ip: () => string
  uuid: () => string
  user: () => string
  program: () => string
  host: () => string
  path: () => string
  float: () => string
  size: () => string
  duration: () => string
  time: () => string
  date: () => string
  /** One to `max` values, joined. */
  many: (max: number, joiner: string, one: () => string | number) => string
}

const USERS =
  'amelie bjorn chidi dana eske farid gwen hiro ines jonas kira luca mona nils oskar priya quinn rosa sven tariq uma vera'
const PROGRAMS =
  'billing catalog ledger mailer indexer gateway planner reaper scraper mirror notifier uploader resizer tracker router sampler packer sorter exporter watcher'
const PLACES = 'north south east west core edge lab rack pod bay aisle cage'
const FOLDERS = 'var opt srv data cache spool queue store tmp home usr lib models exports'
const FILES =
  'index journal state manifest orders.db part-00017 core.7731 report.csv app.log cfg.yml'

export function valuesOf(random: Random): Values {
  const int = (max = 100_000): number => random.int(max)
  const word = (words: string): string => {
    const all = words.split(' ')
    return all[random.int(all.length)] ?? ''
  }
  const two = (value: number): string => String(value).padStart(2, '0')
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => random.int(16).toString(16)).join('')
  return {
    int,
    hex,
    pick: (...of) => of[random.int(of.length)] ?? '',
    ip: () => `10.${int(256)}.${int(256)}.${1 + int(254)}`,
    uuid: () => [8, 4, 4, 4, 12].map(hex).join('-'),
    user: () => `${word(USERS)}${random.int(3) === 0 ? String(int(90)) : ''}`,
    program: () => word(PROGRAMS),
    host: () => `${word(PLACES)}-${word(PLACES)}-${int(40)}.example.net`,
    path: () =>
      `/${Array.from({ length: 1 + int(4) }, () => word(FOLDERS)).join('/')}/${word(FILES)}`,
    float: () => (int(1_000_000) / 1000).toFixed(1 + int(3)),
    size: () => `${int(900) + 1} ${word('KB MB GB B')}`,
    duration: () => `${int(5000)}${word('ms s us')}`,
    time: () => `${two(int(24))}:${two(int(60))}:${two(int(60))}`,
    date: () => `20${two(10 + int(15))}-${two(1 + int(12))}-${two(1 + int(28))}`,
    many: (max, joiner, one) => Array.from({ length: 1 + int(max) }, one).join(joiner),
  }
}
