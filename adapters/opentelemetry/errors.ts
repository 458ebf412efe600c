import { SpanStatusCode, type Span } from '@opentelemetry/api'
import { ATTRIBUTES } from '../../src/ports.ts'

/** Says on a span that it ended in an error: of what class, never of what payload. */
export function fail(span: Span, error: unknown, fallback: string): void {
  span.setAttribute(ATTRIBUTES.errorType, error instanceof Error ? error.name : fallback)
  if (error instanceof Error) span.recordException(error)
  span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : fallback })
}
