import type { Exemplar } from './histogram.ts'

/** Of the W3C Trace Context: version, 32 digits of the trace, 16 of the span, flags. */
const TRACE_FROM = 3
const TRACE_TO = 35
const SPAN_FROM = 36
const SPAN_TO = 52
const LENGTH = 55
const SAMPLED = 1

/** The trace that a message was written in, if somebody records it. */
export function exemplarOf({ traceparent }: Readonly<Record<string, string>>): Exemplar | null {
  if (traceparent?.length !== LENGTH) return null
  if ((Number.parseInt(traceparent.slice(SPAN_TO + 1), 16) & SAMPLED) === 0) return null
  return { trace_id: traceparent.slice(TRACE_FROM, TRACE_TO), span_id: traceparent.slice(SPAN_FROM, SPAN_TO) }
}
