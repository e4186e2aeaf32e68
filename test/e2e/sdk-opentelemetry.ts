/**
 * A service with the real OpenTelemetry SDK, configured by nothing but OTEL_… variables: it answers one request, calls
 * on, and may fail. Prints the trace context it would hand on.
 */
import { SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'

const sdk = new NodeSDK()
sdk.start()

const [callee = '', failure = ''] = process.argv.slice(2)
const tracer = trace.getTracer('shop')
const arrived = propagation.extract(context.active(), {
  traceparent: process.env['TRACEPARENT'] ?? '',
})

function chargeCard(): never {
  throw new TypeError(failure)
}

const attributes = {
  'http.request.method': 'POST',
  'http.route': '/api/pay/{id}',
  'http.response.status_code': failure === '' ? 200 : 500,
}
tracer.startActiveSpan(
  'POST /api/pay/{id}',
  { kind: SpanKind.SERVER, attributes },
  arrived,
  (request) => {
    if (callee !== '')
      tracer.startActiveSpan(
        'POST',
        { kind: SpanKind.CLIENT, attributes: { 'server.address': callee, 'server.port': 8080 } },
        (call) => {
          const carrier: Record<string, string> = {}
          propagation.inject(context.active(), carrier)
          process.stdout.write(`${carrier['traceparent'] ?? ''}\n`)
          call.end()
        },
      )
    try {
      if (failure !== '') chargeCard()
    } catch (error) {
      request.recordException(error as Error)
      request.setStatus({ code: SpanStatusCode.ERROR })
    }
    request.end()
  },
)
await sdk.shutdown()
