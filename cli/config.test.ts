import { describe, expect, it } from 'vitest'
import { isFaultlineError } from '#/kernel/errors.ts'
import { configOf, effectiveSettings } from './config.ts'
import { nearestName, parseArguments } from './options.ts'

const inputs = { flags: {}, environment: {} }

function failure(act: () => unknown) {
  try {
    act()
  } catch (error) {
    if (isFaultlineError(error))
      return { code: error.code, text: `${error.message} ${error.remedy ?? ''}` }
    throw error
  }
  return undefined
}

describe('configuration', () => {
  it('[K9] a flag wins over the environment, that over the file, that over the default', () => {
    const file = { path: 'faultline.yaml', text: 'port: 1\nretention-days: 2\npartitions: 3\n' }
    const environment = { FAULTLINE_PORT: '4', FAULTLINE_RETENTION_DAYS: '5' }
    const settings = effectiveSettings({ flags: { port: 6 }, environment, file })
    const of = (name: string) => settings.find((setting) => setting.name === name)
    expect(of('port')).toEqual({ name: 'port', value: 6, source: 'flag' })
    expect(of('retention-days')).toEqual({
      name: 'retention-days',
      value: 5,
      source: 'environment',
    })
    expect(of('partitions')).toEqual({ name: 'partitions', value: 3, source: 'file' })
    expect(of('clickhouse-port')).toEqual({
      name: 'clickhouse-port',
      value: 8123,
      source: 'default',
    })
    expect(configOf(settings)).toMatchObject({ port: 6, retentionDays: 5, partitions: 3 })
  })

  it('[K9] unknown names are refused with the nearest known one', () => {
    expect(
      failure(() => effectiveSettings({ ...inputs, environment: { FAULTLINE_PROT: '1' } }))?.text,
    ).toContain('FAULTLINE_PORT')
    const file = { path: 'faultline.yaml', text: 'data_dir: x' }
    expect(failure(() => effectiveSettings({ ...inputs, file }))?.text).toContain('data-dir')
    expect(
      failure(() => parseArguments(['--prot', '1'], [{ name: 'port', type: 'number', about: '' }]))
        ?.text,
    ).toContain('--port')
  })

  it.each([
    ['--port', 'abc'],
    ['--port', '70000'],
    ['--port', '-1'],
    ['--port', ''],
  ])('a wrong value of %s (%j) names the option', (flag, value) => {
    const specs = [{ name: 'port', type: 'number', min: 0, max: 65535, about: '' }] as const
    expect(failure(() => parseArguments([flag, value], specs))).toMatchObject({ code: 'usage' })
  })

  it('a file that is no YAML or no list of settings is refused by name', () => {
    for (const text of ['a: [', '- 1', 'just text']) {
      expect(
        failure(() => effectiveSettings({ ...inputs, file: { path: 'f.yaml', text } }))?.text,
      ).toContain('f.yaml')
    }
    expect(
      failure(() => effectiveSettings({ ...inputs, file: { path: 'f.yaml', text: '' } })),
    ).toBeUndefined()
  })

  it('finds no nearest name where nothing is near', () => {
    expect(nearestName('prot', ['port', 'host'])).toBe('port')
    expect(nearestName('xyzzyxyzzy', ['port', 'host'])).toBeUndefined()
  })
})
