import { describe, expect, it } from 'vitest'
import {
  StatementError,
  placeholdersOf,
  shapeOf,
  withInfile,
  withOutfile,
} from './statement-shape.ts'

const output = { path: '/s/1', format: 'CSV' }

function outfile(sql: string): string {
  const shape = shapeOf(sql)
  if (shape.kind !== 'output') throw new Error(`is ${shape.kind}`)
  return withOutfile(shape, output).sql
}

function infile(text: string): [statement: string, data: string] {
  const shape = shapeOf(text)
  if (shape.kind !== 'insert' && shape.kind !== 'insert-input') throw new Error(`is ${shape.kind}`)
  return [withInfile(shape, '/s/2').sql, text.slice(shape.dataAt)]
}

describe('statements and files', () => {
  it.each([
    ['SELECT 1', `SELECT 1 INTO OUTFILE '/s/1' TRUNCATE FORMAT CSV`],
    ['SELECT 1 -- end', `SELECT 1 INTO OUTFILE '/s/1' TRUNCATE FORMAT CSV`],
    ['SELECT 1 FORMAT JSON;', `SELECT 1  INTO OUTFILE '/s/1' TRUNCATE FORMAT JSON`],
    [
      'SELECT 1 format JSON SETTINGS a = 1',
      `SELECT 1  INTO OUTFILE '/s/1' TRUNCATE format JSON SETTINGS a = 1`,
    ],
    ['SELECT 1 SETTINGS a = 1', `SELECT 1 SETTINGS a = 1 INTO OUTFILE '/s/1' TRUNCATE FORMAT CSV`],
    ['SELECT format FROM t', `SELECT format FROM t INTO OUTFILE '/s/1' TRUNCATE FORMAT CSV`],
    [`SELECT 'FORMAT JSON'`, `SELECT 'FORMAT JSON' INTO OUTFILE '/s/1' TRUNCATE FORMAT CSV`],
  ])('[CH2] %s', (sql, expected) => {
    expect(outfile(sql)).toBe(expected)
  })

  it.each([
    ['INSERT INTO t FORMAT CSV\n1,2', `INSERT INTO t  FROM INFILE '/s/2' FORMAT CSV`, '1,2'],
    [
      'INSERT INTO t (a, b)\nFORMAT CSV 1,2',
      `INSERT INTO t (a, b)\n FROM INFILE '/s/2' FORMAT CSV`,
      '1,2',
    ],
    [
      'insert into d.`t` SETTINGS a = 1 FORMAT TSV\n\n',
      "insert into d.`t`  FROM INFILE '/s/2' SETTINGS a = 1 FORMAT TSV",
      '\n',
    ],
    [
      'INSERT INTO t VALUES (1); DROP',
      `INSERT INTO t  FROM INFILE '/s/2' FORMAT Values`,
      ' (1); DROP',
    ],
    [
      `INSERT INTO t (a) SELECT x FROM input('x UInt8') FORMAT CSV\n'; $$`,
      `INSERT INTO t (a) SELECT x FROM file('/s/2', 'CSV', 'x UInt8') `,
      `'; $$`,
    ],
  ])('[CH10] [CH11] %s', (text, statement, data) => {
    expect(infile(text)).toEqual([statement, data])
  })

  it('[CH10] what is no data is a command', () => {
    expect(shapeOf('INSERT INTO t SELECT * FROM u')).toMatchObject({ kind: 'command' })
    expect(shapeOf('CREATE TABLE t (a Int8) ENGINE = Memory')).toMatchObject({ kind: 'command' })
  })

  it.each([
    `SELECT 1 INTO OUTFILE 'x'`,
    `INSERT INTO t FROM INFILE 'x' FORMAT CSV`,
    `INSERT INTO FUNCTION file('x') VALUES (1)`,
    `INSERT INTO t`,
  ])('[CH5] %s is not served', (sql) => {
    expect(() => shapeOf(sql)).toThrow(StatementError)
  })

  it('[CH3] placeholders are found outside of strings only', () => {
    expect(
      placeholdersOf(`SELECT {a:String}, '{b:String}', {c : Array(UInt8)} -- {d:Int8}`),
    ).toEqual(['a', 'c'])
  })
})
