import { FILTER_FIELDS, type FilterField, type Selection } from '#lib/explore/query.ts'
import { counted, shortened } from '#lib/format.ts'
import { eventSeverity, eventName } from '#lib/severity.ts'

const VALUES_MAX = 3
const TEXT_MAX = 60

/** `error`, `not debug`: a value of a filter as people say it. */
function valueText(field: FilterField, value: string): string {
  if (value.startsWith('!')) return `not ${valueText(field, value.slice(1))}`
  const severity = field === 'severity' ? eventSeverity(value) : null
  return severity === null ? shortened(value, TEXT_MAX) : eventName(severity)
}

function filterText({ field, values }: Selection['filters'][number]): string {
  const shown = values.slice(0, VALUES_MAX).map((value) => valueText(field, value))
  const more = values.length - shown.length
  return `${FILTER_FIELDS[field].toLowerCase()} ${shown.join(' or ')}${more > 0 ? ` or ${more} more` : ''}`
}

/** `56 events with type error.`: the headline of Explore, of bounded length whatever is asked. */
export function selectionSentence(total: number, { text, filters }: Selection): string {
  const count = total === 0 ? 'No event' : counted(total, 'event')
  const verb = total < 2 ? 'says' : 'say'
  const said = text === '' ? '' : ` that ${verb} “${shortened(text, TEXT_MAX)}”`
  const shown = filters.slice(0, VALUES_MAX).map(filterText)
  const more = filters.length - shown.length
  const where =
    shown.length === 0
      ? ''
      : ` with ${shown.join(', ')}${more > 0 ? ` and ${counted(more, 'more filter')}` : ''}`
  return `${count}${said}${where}${count === 'No event' && said === '' ? ' in this range' : ''}.`
}
