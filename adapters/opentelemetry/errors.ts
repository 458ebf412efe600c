import { SpanStatusCode, type Span } from '@opentelemetry/api'
import { ATTRIBUTES, isWaybillError } from '../../src/ports.ts'

/** Says on a span that it ended in an error: of what class, never of what payload. */
export function fail(span: Span, error: unknown, fallback: string): void {
  span.setAttribute(ATTRIBUTES.errorType, typeOf(error, fallback))
  if (error instanceof Error) span.recordException(error)
  span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : fallback })
}

function typeOf(error: unknown, fallback: string): string {
  if (isWaybillError(error)) return error.code
  return error instanceof Error ? error.name : fallback
}
