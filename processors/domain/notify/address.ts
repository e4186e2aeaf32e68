import { BlockList, isIP } from 'node:net'

// What is not the public internet: RFC 6890 and the registries of IANA it founded. Metadata services of clouds are
// among them (169.254.169.254, fd00:ec2::254, 100.100.100.200).
const CLOSED_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]
// The public internet is 2000::/3; what is carved out of it, or holds an IPv4 address, follows.
const CLOSED_V6 = [
  '::/3',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '4000::/2',
  '8000::/1',
]

/** One list for each family: a list of both takes an IPv4 address for its IPv6 form too. */
interface Ranges {
  ipv4: BlockList
  ipv6: BlockList
}

function rangesOf(texts: readonly string[]): Ranges {
  const ranges = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const text of texts) {
    const [address = '', bits] = text.split('/')
    if (isIP(address) === 6) ranges.ipv6.addSubnet(address, Number(bits ?? 128), 'ipv6')
    else ranges.ipv4.addSubnet(address, Number(bits ?? 32), 'ipv4')
  }
  return ranges
}

const closed = rangesOf([...CLOSED_V4, ...CLOSED_V6])

/** The IPv4 address inside `::ffff:1.2.3.4`, however it is spelled; the address itself otherwise. */
function plainAddress(address: string): string {
  if (isIP(address) !== 6 || address.includes('%')) return address
  const spelled = URL.parse(`http://[${address}]/`)?.hostname.slice(1, -1) ?? address
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(spelled)
  if (mapped === null) return spelled
  const bytes = [mapped[1], mapped[2]].flatMap((part = '') => {
    const word = Number.parseInt(part, 16)
    return [word >> 8, word & 255]
  })
  return bytes.join('.')
}

export interface AllowedAddresses {
  /** Host names that may lead anywhere, in lower case. */
  hosts: ReadonlySet<string>
  ranges: Ranges
}

function isName(entry: string): boolean {
  return isIP(entry.split('/')[0] ?? '') === 0
}

/** Names, addresses and ranges (`10.1.0.0/16`) that may be reached though they are not public. */
export function allowedAddresses(entries: readonly string[]): AllowedAddresses {
  const names = entries.filter(isName).map((name) => name.toLowerCase())
  return { hosts: new Set(names), ranges: rangesOf(entries.filter((entry) => !isName(entry))) }
}

export function isAllowedHost(host: string, { hosts }: AllowedAddresses): boolean {
  return hosts.has(host.toLowerCase())
}

/** Name or address; one of IPv6 without its brackets. */
export function hostOf({ hostname }: Pick<URL, 'hostname'>): string {
  return hostname.replace(/^\[|\]$/g, '')
}

/** The first address a host leads to that may not be connected to; undefined when all may. */
export function closedAmong(
  found: readonly { address: string }[],
  { host, allowed }: { host: string; allowed: AllowedAddresses },
): string | undefined {
  if (isAllowedHost(host, allowed)) return undefined
  return found.find(({ address }) => !mayReach(address, allowed))?.address
}

/** Whether the address may be connected to: public, or named by the operator. */
export function mayReach(address: string, { ranges }: AllowedAddresses): boolean {
  const plain = plainAddress(address)
  const version = isIP(plain)
  if (version === 0) return false
  const family = version === 6 ? 'ipv6' : 'ipv4'
  return ranges[family].check(plain, family) || !closed[family].check(plain, family)
}
