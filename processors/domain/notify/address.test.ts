import { describe, expect, it } from 'vitest'
import { allowedAddresses, isAllowedHost, mayReach } from './address.ts'

const nothing = allowedAddresses([])

describe('addresses', () => {
  it.each([
    '127.0.0.1',
    '127.9.9.9',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '100.100.100.200',
    '192.0.2.9',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '0:0:0:0:0:ffff:10.0.0.1',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001:db8::1',
    '2001::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    'not an address',
    '',
  ])('[J3] %s is refused', (address) => {
    expect(mayReach(address, nothing)).toBe(false)
  })

  it.each(['1.1.1.1', '172.32.0.1', '192.169.0.1', '2606:4700::1111', '::ffff:1.1.1.1'])(
    '[J3] %s is public',
    (address) => {
      expect(mayReach(address, nothing)).toBe(true)
    },
  )

  it('[J3] what the operator names may be reached, and nothing beside it', () => {
    const allowed = allowedAddresses(['10.1.0.0/16', '192.168.7.7', 'fd12::/16', 'Hooks.internal'])
    for (const open of ['10.1.9.9', '192.168.7.7', 'fd12::9', '::ffff:10.1.0.1'])
      expect(mayReach(open, allowed), open).toBe(true)
    for (const closed of ['10.2.0.1', '192.168.7.8', 'fd13::9', '127.0.0.1'])
      expect(mayReach(closed, allowed), closed).toBe(false)
    expect(isAllowedHost('hooks.INTERNAL', allowed)).toBe(true)
    expect(isAllowedHost('internal', allowed)).toBe(false)
  })
})
