import { describe, expect, it } from 'vitest'
import { eventOf } from '#/test/sim/fixture.ts'
import { detectorEventOf } from './detector-event.ts'

function calleeOf(attributes: Record<string, string>): string | undefined {
  const grouped = { fingerprint: 'f', fingerprint_own: '', title: '', template: '' }
  const event = { ...eventOf({ service: 'cart', event_type: 'http_request', attributes }) }
  return detectorEventOf({ ...event, ...grouped }).callee
}

describe('whom an event says it calls', () => {
  it.each([
    [{ 'peer.service': 'store' }, 'store'],
    [{ 'service.peer.name': 'store', 'span.kind': 'client' }, 'store'],
    [{ 'peer.service': 'store', 'server.address': '10.0.0.4', 'span.kind': 'client' }, 'store'],
    [{ 'server.address': 'bank.example', 'span.kind': 'CLIENT' }, 'bank.example'],
    [{ 'server.address': 'bank.example', 'span.kind': 'SPAN_KIND_CLIENT' }, 'bank.example'],
  ])('[C4] %j: %s', (attributes, callee) => {
    expect(calleeOf(attributes as Record<string, string>)).toBe(callee)
  })

  it.each([
    // On the called side this is its own address.
    { 'server.address': 'cart.example' },
    { 'server.address': 'cart.example', 'span.kind': 'server' },
    // Who asked.
    { 'peer.service': 'web', 'span.kind': 'server' },
    { 'server.address': '127.0.0.1', 'span.kind': 'client' },
    { 'server.address': 'localhost', 'span.kind': 'client' },
    { 'peer.service': 'cart' },
    { 'peer.service': '' },
    { 'peer.service': 'x'.repeat(201) },
    { region: 'eu' },
  ])('[C4] nobody: %j', (attributes) => {
    expect(calleeOf(attributes as unknown as Record<string, string>)).toBeUndefined()
  })
})
