import { FaultlineError } from '#/kernel/errors.ts'

export interface SqlParser {
  format(sql: string): Promise<string>
  explainAst(sql: string): Promise<string[]>
}

export async function guardStatement(sql: string, deps: { parse: SqlParser }): Promise<string> {
  await deps.parse.format(sql)
  throw new FaultlineError('invalid_sql', 'Readers are not served yet.')
}
