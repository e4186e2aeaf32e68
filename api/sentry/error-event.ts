import { textOf } from '#/api/ingest/input.ts'
import type { EventInput } from '#/api/ingest/input.ts'
import { SEVERITY_OF } from '#/schemas/event-input-fields.ts'
import { attributesOf, commonFields } from './event-fields.ts'
import type { Sender } from './event-fields.ts'
import { fieldsOf, listOf } from './payload.ts'
import type { Fields } from './payload.ts'

const FRAMES_MAX = 256
const CAUSES_MAX = 8
const CAUSE_FRAMES_MAX = 5

/** An event of an SDK: an exception or a failure is an error, any other message a `custom` event. */
export function errorEvent(event: Fields, sender: Sender): EventInput {
  const exceptions = listOf(event['exception']).map(fieldsOf)
  const level =
    SEVERITY_OF.get(textOf(event['level']).toLowerCase()) ?? (exceptions.length > 0 ? 4 : 2)
  const attributes = attributesOf(event)
  // The one that was thrown last comes last; what it was caused by stands before it.
  const thrown = exceptions.at(-1)
  const causes = exceptions.slice(0, -1).toReversed().slice(0, CAUSES_MAX)
  if (causes.length > 0) attributes['exception.causes'] = causes.map(causeOf)
  const handled = fieldsOf(thrown?.['mechanism'])['handled']
  if (typeof handled === 'boolean') attributes['handled'] = handled
  const frames = framesOf(thrown?.['stacktrace'] ?? threadStack(event) ?? event['stacktrace'])
  return {
    ...commonFields(event, sender),
    event_type: thrown !== undefined || level >= 4 ? 'error' : 'custom',
    severity: level,
    message: messageOf(event, thrown),
    ...(thrown === undefined ? {} : typeOf(thrown)),
    ...(frames.length === 0 ? {} : { stack: frames }),
    attributes,
  }
}

function typeOf(exception: Fields): EventInput {
  const type = textOf(exception['type'])
  return type === '' ? {} : { error_type: type.slice(0, 256) }
}

function messageOf(event: Fields, thrown: Fields | undefined): string {
  const entry = fieldsOf(event['logentry'])
  const own = fieldsOf(event['message'])
  return (
    textOf(thrown?.['value']) ||
    textOf(entry['formatted']) ||
    textOf(entry['message']) ||
    textOf(own['formatted']) ||
    textOf(event['message'])
  )
}

function causeOf(cause: Fields): object {
  const frames = framesOf(cause['stacktrace']).slice(0, CAUSE_FRAMES_MAX)
  return { type: textOf(cause['type']), value: textOf(cause['value']).slice(0, 500), frames }
}

/** Of the thread that failed, where the stack is not the exception's. */
function threadStack(event: Fields): unknown {
  const threads = listOf(event['threads']).map(fieldsOf)
  const failed =
    threads.find((thread) => thread['crashed'] === true) ??
    threads.find((thread) => thread['current'] === true)
  return failed?.['stacktrace']
}

/** Sentry's frames run from the oldest call to where it broke; ours begin there. */
function framesOf(stacktrace: unknown): EventInput[] {
  const { frames } = fieldsOf(stacktrace)
  return listOf(frames)
    .slice(-FRAMES_MAX)
    .toReversed()
    .map((raw) => {
      const frame = fieldsOf(raw)
      const file =
        textOf(frame['filename']) || textOf(frame['abs_path']) || textOf(frame['package'])
      return {
        ...textField('function', frame['function']),
        ...textField('file', file),
        ...textField('module', frame['module']),
        ...numberField('line', frame['lineno']),
        ...numberField('column', frame['colno']),
        ...(typeof frame['in_app'] === 'boolean' ? { in_app: frame['in_app'] } : {}),
      }
    })
}

function textField(name: string, value: unknown): EventInput {
  const text = textOf(value)
  return text === '' ? {} : { [name]: text }
}

function numberField(name: string, value: unknown): EventInput {
  return typeof value === 'number' ? { [name]: value } : {}
}

/** What somebody wrote about an error, in today's item or the one before. */
export function feedbackEvent(item: Fields, sender: Sender): EventInput {
  const feedback = fieldsOf(fieldsOf(item['contexts'])['feedback'])
  const about = textOf(feedback['associated_event_id']) || textOf(item['event_id'])
  const fields = commonFields(item, sender)
  // A report carries the id of the error it is about, which is not its own.
  const isReport = feedback['message'] === undefined
  const { event_id: _, ...withoutId } = fields
  return {
    ...(isReport ? withoutId : fields),
    event_type: 'feedback',
    message: textOf(feedback['message']) || textOf(item['comments']),
    attributes: {
      ...attributesOf({ ...item, contexts: {} }),
      ...(about === '' ? {} : { 'feedback.event_id': about }),
      ...(textOf(feedback['url']) === '' ? {} : { 'feedback.url': textOf(feedback['url']) }),
    },
  }
}
