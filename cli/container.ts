import { main } from './main.ts'

/** The entry of the container image: there the installer and the build of boot.js have nothing left to do. */
process.exitCode = await main(process.argv.slice(2))
