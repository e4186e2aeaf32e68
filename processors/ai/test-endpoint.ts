/** An OpenAI-compatible endpoint over real HTTP for tests: it answers well, badly, late or not at all, as it is told. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock } from '#/kernel/clock.ts'
import { createOpenAiModel } from './openai.ts'
import type { Model } from './port.ts'

export const MODES = [
  'good',
  'prose',
  'broken_json',
  'schema_violation',
  'invented_citations',
  'wrong_numbers',
  'limited',
  'server_error',
  'hang',
  'slow_stream',
  'truncated',
  'obedient',
] as const
export type Mode = (typeof MODES)[number]

export interface ChatBody {
  model: string
  messages: { role: string; content: string }[]
  response_format?: {
    type: string
    json_schema?: { name: string; schema: object; strict: boolean }
  }
  max_tokens?: number
  max_completion_tokens?: number
}

export interface TestEndpoint extends AsyncDisposable {
  url: string
  /** How it answers from now on; a list is one answer after the other, the last one for ever. */
  answer(mode: Mode | readonly Mode[]): void
  /** Or exactly this: status, headers and body. */
  reply(make: ((body: ChatBody) => Reply) | undefined): void
  calls: { body: ChatBody; headers: Record<string, string | string[] | undefined> }[]
  retryAfterS: number
}

export interface Reply {
  status: number
  headers?: Readonly<Record<string, string>>
  body: unknown
}

export function completionOf(content: string, finish = 'stop', model = 'mock-1'): object {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: finish }],
    usage: { prompt_tokens: 900, completion_tokens: 100, total_tokens: 1000 },
  }
}

export async function startTestEndpoint(): Promise<TestEndpoint> {
  const hanging = new Set<ServerResponse>()
  let modes: readonly Mode[] = ['good']
  let maker: ((body: ChatBody) => Reply) | undefined
  const server = createServer((request, response) => {
    void serve(request, response)
  })
  const endpoint: TestEndpoint = {
    url: '',
    calls: [],
    retryAfterS: 7,
    answer(mode) {
      modes = Array.isArray(mode) ? (mode as readonly Mode[]) : [mode as Mode]
    },
    reply(make) {
      maker = make
    },
    async [Symbol.asyncDispose]() {
      for (const response of hanging) response.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = JSON.parse(Buffer.concat(chunks).toString()) as ChatBody
    endpoint.calls.push({ body, headers: request.headers })
    const send = ({ status, headers, body: answer }: Reply): void => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
    }
    if (maker !== undefined) return send(maker(body))
    const mode = modes[0] ?? 'good'
    if (modes.length > 1) modes = modes.slice(1)
    if (mode === 'hang') return void hanging.add(response)
    if (mode === 'limited')
      return send({
        status: 429,
        headers: { 'retry-after': String(endpoint.retryAfterS) },
        body: { error: { message: 'slow down', type: 'rate_limit_exceeded' } },
      })
    if (mode === 'server_error')
      return send({ status: 500, body: { error: { message: 'oops', type: 'server_error' } } })
    if (mode === 'slow_stream') {
      hanging.add(response)
      response.writeHead(200, { 'content-type': 'application/json' })
      const drip = setInterval(() => response.write(' '), 20)
      response.on('close', () => clearInterval(drip))
      return undefined
    }
    const content = contentOf(mode, body)
    return send({
      status: 200,
      body: completionOf(content, mode === 'truncated' ? 'length' : 'stop', body.model),
    })
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  endpoint.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
  return endpoint
}

interface Fact {
  id: string
  text: string
}

function factsIn({ messages }: ChatBody): Fact[] {
  const user = messages.findLast(({ role }) => role === 'user')?.content ?? ''
  return [...user.matchAll(/^(E\d+): (.*)$/gm)].map(([, id = '', text = '']) => ({ id, text }))
}

/** A summary out of the facts it was given. */
function goodSummary(facts: readonly Fact[]) {
  const first = facts[0] ?? { id: 'E1', text: 'nothing' }
  const telling = facts.find(({ text }) => text.startsWith('Deploy ')) ?? first
  return {
    title: 'Errors after a change',
    impact: { text: first.text, evidence: [first.id] },
    likely_causes: [{ text: telling.text, evidence: [telling.id, first.id] }],
    next_steps: [{ text: 'Compare the release with the one before', evidence: [telling.id] }],
    confidence: 0.99,
  }
}

function contentOf(mode: Mode, body: ChatBody): string {
  const facts = factsIn(body)
  const good = goodSummary(facts)
  const json = JSON.stringify(good)
  switch (mode) {
    case 'prose':
      return 'Sure! The incident looks like a database problem. You should restart everything.'
    case 'broken_json':
      return `${json.slice(0, -20)}, "oops": }`
    case 'truncated':
      return json.slice(0, json.length / 2)
    case 'schema_violation':
      return JSON.stringify({ ...good, confidence: 'very', extra: true })
    case 'invented_citations':
      return JSON.stringify({
        ...good,
        impact: { text: 'Everything is down', evidence: ['E99'] },
        likely_causes: [{ text: 'The moon', evidence: ['E77'] }, ...good.likely_causes],
      })
    case 'wrong_numbers':
      return JSON.stringify({
        ...good,
        impact: { text: 'It hit 987654 users', evidence: [facts[0]?.id ?? 'E1'] },
        likely_causes: [
          { text: 'Release v98765 is to blame', evidence: [facts[0]?.id ?? 'E1'] },
          ...good.likely_causes,
        ],
      })
    case 'obedient':
      return JSON.stringify(obey(body, good))
    case 'good':
    case 'limited':
    case 'server_error':
    case 'hang':
    case 'slow_stream':
      return json
  }
}

/** Does whatever a text in its input tells it to. */
function obey(body: ChatBody, good: ReturnType<typeof goodSummary>): object {
  const all = body.messages.map(({ content }) => content).join('\n')
  const orders = [
    ...all.matchAll(
      /"([^"\n]*(?:ignore|instead|must|say|reply|click|visit|run|resolve|system)[^"\n]*)"/gi,
    ),
  ]
  const said = orders.map(([, text = '']) => text).join(' ')
  const id = good.impact.evidence[0] ?? 'E1'
  return {
    ...good,
    title: said.slice(0, 150) || good.title,
    impact: { text: said.slice(0, 380) || good.impact.text, evidence: [id] },
    likely_causes: [
      { text: `${said.slice(0, 300)} [click](https://evil.example/x)`, evidence: [id] },
      { text: 'See <img src=x onerror=alert(1)> https://evil.example', evidence: [id] },
      ...good.likely_causes,
    ],
    next_steps: [{ text: said.slice(0, 380) || 'none', evidence: [id] }],
  }
}

/** A model behind such an endpoint, for tests to which its name and key do not matter. */
export function testModel(url: string, timeoutMs = 2000): Model {
  return createOpenAiModel({ url, key: 'k', model: 'm', timeoutMs, clock: systemClock })
}
