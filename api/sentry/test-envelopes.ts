/** Envelopes as Sentry's SDKs write them, made here after their documentation. */

export function envelope(
  items: readonly { type: string; payload: unknown }[],
  header = {},
): string {
  const lines = items.flatMap(({ type, payload }) => {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
    return [JSON.stringify({ type, length: Buffer.byteLength(text) }), text]
  })
  return `${[JSON.stringify(header), ...lines].join('\n')}\n`
}

export const SENTRY_EVENT = {
  event_id: 'fc6d8c0c43fc4630ad850ee518f1b9d0',
  timestamp: 1_795_750_200.123,
  platform: 'node',
  level: 'error',
  environment: 'staging',
  release: 'shop-backend@2.4.1',
  server_name: 'web-6d9f',
  transaction: 'POST /api/checkout/:id',
  user: { id: 'u-1182', email: 'someone@example.com', ip_address: '10.0.0.1' },
  tags: { region: 'eu-1', plan: 'pro' },
  extra: { cart: { items: 3 }, password: 'hunter2' },
  contexts: {
    trace: {
      trace_id: '5b8efff798038103d269b633813fc60c',
      span_id: 'eee19b7ec3c1b174',
      parent_span_id: 'eee19b7ec3c1b173',
    },
    runtime: { name: 'node', version: 'v24.21.0' },
    culture: { locale: 'en' },
    cart: { total: 12 },
  },
  request: {
    method: 'POST',
    url: 'https://shop.example/api/checkout/17?x=1',
    headers: { 'User-Agent': 'curl/8', 'X-Request-Id': 'r-90aa', Cookie: 'sid=1' },
  },
  breadcrumbs: [
    {
      timestamp: 1_795_750_199,
      category: 'http',
      data: { method: 'GET', url: '/a', status_code: 200 },
    },
    { timestamp: 1_795_750_200, category: 'console', level: 'log', message: 'about to charge' },
  ],
  exception: {
    values: [
      {
        type: 'ConnectionError',
        value: 'refused',
        stacktrace: { frames: [{ function: 'connect', filename: 'node:net', lineno: 1 }] },
      },
      {
        type: 'PaymentError',
        value: 'payment 4711 failed',
        mechanism: { type: 'generic', handled: false },
        stacktrace: {
          frames: [
            {
              function: 'run',
              filename: '/app/node_modules/koa/index.js',
              lineno: 7,
              in_app: false,
            },
            {
              function: 'checkout',
              filename: '/app/src/checkout.js',
              module: 'checkout',
              lineno: 31,
              colno: 9,
              in_app: true,
            },
            { function: 'charge', filename: '/app/src/payment.js', lineno: 88, in_app: true },
          ],
        },
      },
    ],
  },
  sdk: { name: 'sentry.javascript.node', version: '11.0.0' },
}

export const SENTRY_TRANSACTION = {
  type: 'transaction',
  event_id: 'aa6d8c0c43fc4630ad850ee518f1b9d0',
  transaction: 'GET /api/orders/:id',
  start_timestamp: 1_795_750_200.5,
  timestamp: 1_795_750_200.75,
  release: 'orders@1',
  contexts: {
    trace: {
      op: 'http.server',
      status: 'internal_error',
      trace_id: '5b8efff798038103d269b633813fc60c',
      span_id: 'aaa19b7ec3c1b174',
      data: { 'http.response.status_code': 502 },
    },
  },
  spans: [
    {
      op: 'http.client',
      description: 'GET http://stock/api',
      trace_id: '5b8efff798038103d269b633813fc60c',
      span_id: 'bbb19b7ec3c1b174',
      parent_span_id: 'aaa19b7ec3c1b174',
      start_timestamp: 1_795_750_200.6,
      timestamp: 1_795_750_200.7,
      data: { 'server.address': 'stock' },
    },
    { op: 'db', span_id: 'ccc19b7ec3c1b174' },
  ],
}
