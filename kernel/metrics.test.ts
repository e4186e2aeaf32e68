import { describe, expect, it } from 'vitest'
import { problemsOf } from '#/test/prometheus-text.ts'
import { createMetrics, METRIC_CATALOGUE, type MetricName } from './metrics.ts'

/** Every metric of the catalogue with a value, and text in a label that must be escaped. */
function page(): string {
  const metrics = createMetrics()
  for (const name of Object.keys(METRIC_CATALOGUE) as MetricName[]) {
    const { type, labels } = METRIC_CATALOGUE[name]
    for (const value of ['plain', 'a "quoted" \\ and\na line']) {
      const given = Object.fromEntries(labels.map((label) => [label, value]))
      if (type === 'counter') metrics.add(name, 2, given)
      else if (type === 'gauge') metrics.set(name, -1.5, given)
      else for (const seconds of [0.0002, 0.3, 99]) metrics.observe(name, seconds, given)
    }
  }
  return metrics.render()
}

describe('metrics', () => {
  it('[K2] every metric is in the text format, read strictly', () => {
    const text = page()
    expect(problemsOf(text)).toEqual([])
    for (const name of Object.keys(METRIC_CATALOGUE)) expect(text).toContain(`# TYPE ${name} `)
  })

  it.each([
    ['a counter without _total', '# HELP a x\n# TYPE a counter\na 1\n', '_total'],
    ['no type', '# HELP a x\na 1\n', 'no type'],
    ['no help', '# TYPE a gauge\na 1\n', 'no help'],
    ['a series twice', '# HELP a x\n# TYPE a gauge\na{b="1"} 1\na{b="1"} 2\n', 'twice'],
    [
      'a metric in two places',
      '# HELP a x\n# TYPE a gauge\na 1\n# HELP b x\n# TYPE b gauge\nb 1\na{c="1"} 1\n',
      'two places',
    ],
    ['a label that is not quoted', '# HELP a x\n# TYPE a gauge\na{b=1} 1\n', 'cannot be read'],
    ['a line break in a label', '# HELP a x\n# TYPE a gauge\na{b="x\ny"} 1\n', 'line'],
    ['no number', '# HELP a x\n# TYPE a gauge\na one\n', 'no number'],
    [
      'buckets that fall',
      '# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 3\na_bucket{le="+Inf"} 2\na_sum 1\na_count 2\n',
      'falls',
    ],
    [
      'a count that differs',
      '# HELP a x\n# TYPE a histogram\na_bucket{le="+Inf"} 2\na_sum 1\na_count 3\n',
      'counts otherwise',
    ],
    ['no end', '# HELP a x\n# TYPE a gauge\na 1', 'does not end'],
  ])('[K2] %s is noticed (negative control)', (_, text, words) => {
    expect(problemsOf(text).join()).toContain(words)
  })
})
