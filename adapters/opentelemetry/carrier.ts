import {
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  trace,
  TraceFlags,
  type Context,
  type SpanContext,
} from '@opentelemetry/api'
import type { TraceHeaders } from '../../src/ports.ts'

/** More than this is not worth its way: a broker carries it with every message. */
const MOST_BYTES = 2048

/** The headers of a context, with those entries of its baggage that may go along. */
export function carry(context: Context, baggage: ReadonlySet<string>): TraceHeaders {
  const full = inject(withBaggage(context, baggage))
  if (sizeOf(full) <= MOST_BYTES) return full
  const small = inject(propagation.deleteBaggage(context))
  return sizeOf(small) <= MOST_BYTES ? small : {}
}

function inject(context: Context): TraceHeaders {
  const carrier: Record<string, string> = {}
  propagation.inject(context, carrier)
  return carrier
}

function withBaggage(context: Context, allowed: ReadonlySet<string>): Context {
  const baggage = propagation.getBaggage(context)
  if (baggage === undefined) return context
  const entries = baggage.getAllEntries().filter(([name]) => allowed.has(name))
  if (entries.length === 0) return propagation.deleteBaggage(context)
  return propagation.setBaggage(context, propagation.createBaggage(Object.fromEntries(entries)))
}

function sizeOf(headers: TraceHeaders): number {
  return Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length, 0)
}

/** What came along with a message. */
export interface Carried {
  /** As the message has brought it. */
  readonly context: Context
  /** In which the message was created. */
  readonly creation: SpanContext
}

/** @returns null when nothing came along. */
export function carriedBy(headers: TraceHeaders): Carried | null {
  const context = propagation.extract(ROOT_CONTEXT, headers)
  const creation = trace.getSpanContext(context)
  return creation === undefined || !isSpanContextValid(creation) ? null : { context, creation }
}

export function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0
}

/** Of W3C Trace Context, the last digit of the last field. */
const FLAGS_AT = 54
/** Without the lowest bit. */
const UNSAMPLED_DIGITS: ReadonlySet<string | undefined> = new Set('02468ace')

/**
 * Whether a message comes of a trace that nobody records, as far as that can be told at a glance: most messages of a relay
 * are such, and reading their context properly takes longer than all the rest.
 */
export function isPlainlyUnsampled({ traceparent }: TraceHeaders): boolean {
  if (traceparent === undefined) return false
  return traceparent.startsWith('00-') && UNSAMPLED_DIGITS.has(traceparent[FLAGS_AT])
}
