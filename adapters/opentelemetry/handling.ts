import { context as contexts, propagation, type Context, type Span } from '@opentelemetry/api'
import { ATTRIBUTES, type Handling, type HandlingEnd } from '../../src/ports.ts'
import { fail } from './errors.ts'

/** Outcomes that are the fault of a message or of its handler. A duplicate is none. */
const FAULTS: ReadonlySet<string> = new Set(['failed', 'malformed', 'conflict'])

/** @param context in which `span` is the current one. */
export function createHandling(span: Span, context: Context): Handling {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return {
    run: (work) => contexts.with(context, work),
    get headers() {
      const carrier: Record<string, string> = {}
      propagation.inject(propagation.deleteBaggage(context), carrier)
      return carrier
    },
    ids: { trace_id: traceId, span_id: spanId, trace_flags: traceFlags.toString(16).padStart(2, '0') },
    end(how) {
      if (span.isRecording()) say(span, how)
      span.end()
    },
  }
}

function say(span: Span, { outcome, error, kept }: HandlingEnd): void {
  span.setAttribute(ATTRIBUTES.outcome, outcome)
  if (outcome === 'duplicate') span.addEvent('inbox.duplicate')
  if (kept?.retryInMs === null) span.addEvent('inbox.dead_lettered', { reason: kept.reason })
  else if (kept !== null) span.addEvent('inbox.retry_scheduled', { delay_ms: Math.round(kept.retryInMs) })
  if (FAULTS.has(outcome) || error !== undefined) fail(span, error, outcome)
}
