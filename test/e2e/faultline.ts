import { enableCompileCache } from 'node:module'
import { main } from '#/cli/main.ts'

/** The command line without the installer in front of it, for tests that start many processes. */
enableCompileCache()
process.exitCode = await main(process.argv.slice(2))
