import adapter from '@sveltejs/adapter-node'
import { sveltekit } from '@sveltejs/kit/vite'
import { defineConfig } from 'vite'

import { createMockApi } from './dev/mock-api.ts'
import { mockMiddleware } from './dev/node-bridge.ts'

// `vite dev` runs without a platform: the made-up API of dev/ answers both the browser and the server's load.
const mock = createMockApi({ seed: 7, now: () => Date.now() })

/** What every page needs, in one file: thirty small ones compress worse and cost a request each. */
const shared =
  /src\/lib\/(?:(?:time|live|ui|api)\/|changes\/(?:Changes\.svelte|diff\.ts)|chart\/(?!Chart\.svelte|options|Brush|ChartTable)|(?:format|severity|theme|url-state)\.ts)/
/** Of these, what the first page does without: with each come the parts of Svelte that only it needs. */
const lazy =
  /parse-range|time\/(?:past|PastBar)|api\/(?:client|problem)|ui\/(?:FilterBar|SortLinks|Pager|PageHead|Panel)/

export default defineConfig({
  environments: {
    client: {
      build: {
        rolldownOptions: {
          // Schemas only define things: who takes one word of the contract does not get the rules of a room with it.
          treeshake: {
            moduleSideEffects: [
              { test: /\/src\/lib\/contract\.ts$|\/schemas\//, sideEffects: false },
            ],
          },
          output: {
            codeSplitting: {
              groups: [{ name: 'shared', test: (id) => shared.test(id) && !lazy.test(id) }],
            },
          },
        },
      },
    },
  },
  plugins: [
    {
      name: 'faultline-mock-api',
      apply: 'serve',
      configureServer(server) {
        mock.start()
        server.middlewares.use(mockMiddleware(mock))
      },
    },
    sveltekit({
      adapter: {
        ...adapter({ precompress: true }),
        // The adapter would hand out Node's request as `req`; no page of ours looks at it.
        emulate: () => ({ platform: () => ({ api: mock.respond }) as unknown as App.Platform }),
      },
      // Small styles come with the page, so that the first paint waits for the two shared sheets alone; those stay files,
      // or /status would be twice its 10 KB.
      inlineStyleThreshold: 7000,
      // Absolute asset addresses: an error page of a deep address must find them too.
      paths: { relative: false },
      csp: {
        mode: 'nonce',
        directives: {
          'default-src': ['none'],
          'script-src': ['self'],
          'style-src': ['self'],
          // The one style attribute: SvelteKit hides its announcer of page changes with it.
          'style-src-attr': [
            'unsafe-hashes',
            'sha256-S8qMpvofolR8Mpjy4kQvEm7m1q8clzU4dfDH0AmvZjo=',
          ],
          'img-src': ['self'],
          'font-src': ['none'],
          'connect-src': ['self'],
          'form-action': ['self'],
          'base-uri': ['none'],
          'frame-ancestors': ['none'],
          'manifest-src': ['self'],
        },
      },
      version: { pollInterval: 0 },
    }),
  ],
})
