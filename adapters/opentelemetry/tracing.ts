import {
  context as contexts,
  createContextKey,
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Tracer,
} from '@opentelemetry/api'
import {
  ATTRIBUTES,
  timeOfId,
  type CreatedMessage,
  type Creation,
  type Handling,
  type HandlingAttempt,
  type Operating,
  type OutgoingMessage,
  type Publishing,
  type Tracing,
} from '../../src/ports.ts'
import { carriedBy, carry, isPlainlyUnsampled, isSampled, type Carried } from './carrier.ts'
import { attributesOf, nameOf, type Described } from './describe.ts'
import { createDoubleTracingCheck } from './double-tracing.ts'
import { fail } from './errors.ts'
import { createHandling } from './handling.ts'

export interface TracingParts {
  readonly tracer: Tracer
  readonly mode: 'auto' | 'parent' | 'link'
  readonly parentMaxAgeMs: number
  readonly baggage: ReadonlySet<string>
  /** Of the broker. */
  readonly server: Attributes
  readonly now: () => number
}

/** The SDK looks for this name, which is shared by all that are loaded of it. */
const QUIET = ROOT_CONTEXT.setValue(createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING'), true)

export function createTracing(parts: TracingParts): Tracing {
  return {
    quietly: (work) => contexts.with(QUIET, work),
    create: (message) => create(parts, message),
    publish: (message, attempt) => publish(parts, message, attempt),
    handle: (attempt) => handle(parts, attempt),
    operate: (action, target) => operate(parts, action, target),
    delivered: createDoubleTracingCheck(),
  }
}

function create({ tracer, baggage, server }: TracingParts, message: CreatedMessage): Creation | null {
  const described: Described = { ...message, operation: 'create' }
  const ambient = contexts.active()
  const span = tracer.startSpan(
    nameOf(described),
    { kind: SpanKind.PRODUCER, attributes: attributesOf(described, server) },
    ambient,
  )
  if (!isSpanContextValid(span.spanContext())) return null
  return {
    headers: carry(trace.setSpan(ambient, span), baggage),
    end(error) {
      if (error !== undefined) fail(span, error, '_OTHER')
      span.end()
    },
  }
}

function publish(parts: TracingParts, message: OutgoingMessage, attempt: number): Publishing | null {
  if (isPlainlyUnsampled(message.headers)) return null
  const carried = carriedBy(message.headers)
  // A relay adds to traces that are recorded, and begins none.
  if (carried === null || !isSampled(carried.creation)) return null
  const { tracer, server } = parts
  const described: Described = { ...pick(message), operation: 'publish' }
  const { parent, links } = placeOf(carried, { ...message, isOver: isOver(parts, message) })
  const span = tracer.startSpan(
    nameOf(described),
    {
      kind: SpanKind.CLIENT,
      links: [...links],
      attributes: {
        ...attributesOf(described, server),
        [ATTRIBUTES.attempt]: attempt,
        ...dwellOf(parts, message),
      },
    },
    parent,
  )
  return {
    end(outcome) {
      if (outcome.kind !== 'confirmed') fail(span, 'error' in outcome ? outcome.error : null, outcome.kind)
      span.end()
    },
  }
}

function handle(parts: TracingParts, attempt: HandlingAttempt): Handling | null {
  const { envelope, exchange, routingKey, queue, consumer, replayed } = attempt
  const carried = carriedBy(envelope.headers)
  const described: Described = { ...pick({ ...envelope, exchange, routingKey }), queue, operation: 'process' }
  const isLate = replayed || isOver(parts, envelope)
  const place = carried === null ? NO_PLACE : placeOf(carried, { ...envelope, isOver: isLate })
  const span = parts.tracer.startSpan(
    nameOf(described),
    {
      kind: SpanKind.CONSUMER,
      links: [...place.links, ...previousLinks(attempt)],
      attributes: {
        ...attributesOf(described, parts.server),
        [ATTRIBUTES.consumerGroup]: consumer,
        [ATTRIBUTES.attempt]: attempt.attempt,
        ...dwellOf(parts, envelope),
      },
    },
    place.parent,
  )
  if (!isSpanContextValid(span.spanContext())) return null
  return createHandling(span, trace.setSpan(place.parent, span))
}

/** Belongs to what asks for it, such as a request; the trace of the message is another one, and may be long over. */
function operate({ tracer }: TracingParts, action: string, target: string): Operating | null {
  const attributes = { [ATTRIBUTES.action]: action, [ATTRIBUTES.target]: target }
  const span = tracer.startSpan(`operate ${action}`, { kind: SpanKind.INTERNAL, attributes })
  if (!isSpanContextValid(span.spanContext())) return null
  const context = trace.setSpan(contexts.active(), span)
  return {
    run: (work) => contexts.with(context, work),
    end(error, message) {
      const creation = message === null ? undefined : carriedBy(message)?.creation
      if (creation !== undefined) {
        span.addLink({ context: creation, attributes: { [ATTRIBUTES.linkKind]: 'creation' } })
      }
      if (error !== undefined) fail(span, error, '_OTHER')
      span.end()
    },
  }
}

interface SpanPlace {
  readonly parent: Context
  readonly links: readonly Link[]
}

const NO_PLACE: SpanPlace = { parent: ROOT_CONTEXT, links: [] }

/** In the trace of the creation, or in one of its own; it refers to the creation in both. */
function placeOf(
  { context, creation }: Carried,
  { messageId, isOver: isTraceOver }: { readonly messageId: string; readonly isOver: boolean },
): SpanPlace {
  const links = [
    {
      context: creation,
      attributes: { [ATTRIBUTES.messageId]: messageId, [ATTRIBUTES.linkKind]: 'creation' },
    },
  ]
  return { parent: isTraceOver ? trace.deleteSpan(context) : context, links }
}

function previousLinks({ previous, envelope }: HandlingAttempt): readonly Link[] {
  const carried = previous === null ? null : carriedBy(previous)
  if (carried === null) return []
  const attributes = {
    [ATTRIBUTES.messageId]: envelope.messageId,
    [ATTRIBUTES.linkKind]: 'previous_attempt',
  }
  return [{ context: carried.creation, attributes }]
}

/** Whether the trace in which a message was written is over, as far as anybody can tell. */
function isOver(
  { mode, parentMaxAgeMs, now }: TracingParts,
  { messageId, createdAt }: { readonly messageId: string; readonly createdAt: number },
): boolean {
  if (mode !== 'auto') return mode === 'link'
  // A scheduled message counts as written when it was due; its id tells when its trace was.
  const writtenAt = Math.min(timeOfId(messageId) ?? Infinity, isKnown(createdAt) ? createdAt : Infinity)
  return now() - writtenAt > parentMaxAgeMs
}

function dwellOf({ now }: TracingParts, { createdAt }: { readonly createdAt: number }): Attributes {
  return isKnown(createdAt) ? { [ATTRIBUTES.dwellMs]: Math.max(now() - createdAt, 0) } : {}
}

/** Other senders may not say when. */
function isKnown(createdAt: number): boolean {
  return createdAt > 0
}

function pick({
  exchange,
  routingKey,
  messageId,
  type,
  correlationId,
}: Omit<Described, 'operation' | 'queue'>): Omit<Described, 'operation' | 'queue'> {
  return { exchange, routingKey, messageId, type, correlationId }
}
