import { defineConfig } from 'vitest/config'

// Forked processes, never worker threads: the embedded engine does not survive a thread (see clickhouse/engine/).
const shared = { pool: 'forks' as const, testTimeout: 20_000, hookTimeout: 60_000 }
const ignored = ['**/node_modules/**', 'dashboard/build/**']

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: [
            '{kernel,schemas,processors,clickhouse,api,cli,docs}/**/*.test.ts',
            'test/*.test.ts',
            'dashboard/src/**/*.test.ts',
          ],
          exclude: ignored,
        },
      },
      {
        test: {
          ...shared,
          name: 'sim',
          include: ['test/sim/**/*.test.ts'],
          exclude: ignored,
          testTimeout: 120_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: ignored,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // One build of the dashboard for all files of a run, and none when its sources have not changed.
          globalSetup: ['test/e2e/global-setup.ts'],
          fileParallelism: false,
        },
      },
      {
        test: {
          ...shared,
          name: 'kafka',
          include: ['test/kafka/**/*.test.ts'],
          exclude: ignored,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // One broker for all files, one file after the other: the machine has few cores.
          globalSetup: ['test/kafka/global-setup.ts'],
          fileParallelism: false,
        },
      },
    ],
  },
})
