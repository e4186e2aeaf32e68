/** A program with the real Sentry SDK, configured by nothing but SENTRY_DSN and a release. */
import * as Sentry from '@sentry/node'

Sentry.init({ release: 'invoices@1.4.0', tracesSampleRate: 1, environment: 'prod' })

interface Invoice {
  lines?: number[]
}

function totalOf(invoice: Invoice): number {
  // The compiler is told a lie, as in so many programs.
  return (invoice.lines as number[]).reduce((sum, line) => sum + line, 0)
}

Sentry.setUser({ id: 'u-77' })
Sentry.setTag('region', 'eu-1')
Sentry.addBreadcrumb({ category: 'job', message: 'invoice 4711 is read' })
Sentry.startSpan(
  { name: 'GET /api/invoices/:id', op: 'http.server', forceTransaction: true },
  () => {
    try {
      totalOf({})
    } catch (error) {
      Sentry.captureException(error)
    }
  },
)
process.exitCode = (await Sentry.close(10_000)) ? 0 : 1
