// What a container runtime asks now and then: `live` (the process answers) or `ready` (it can do its work).
const [what = 'live', port = '3000'] = process.argv.slice(2)
try {
  const answer = await fetch(`http://127.0.0.1:${port}/health/${what}`, {
    signal: AbortSignal.timeout(4000),
  })
  process.stdout.write(`${await answer.text()}\n`)
  process.exitCode = answer.ok ? 0 : 1
} catch (error) {
  process.stdout.write(`${error.message}\n`)
  process.exitCode = 1
}
