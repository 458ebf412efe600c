import type { Telemetry } from '../telemetry/telemetry.ts'
import type { HandlingEnd } from '../telemetry/tracing.ts'
import type { AnswerVerdict } from './answers.ts'
import type { AttemptTrace, FailureFate } from './failures/failure-store.ts'
import { attemptOf } from './log-fields.ts'
import type { Work } from './verdict.ts'

export interface TraceParts {
  readonly consumer: string
  readonly queue: string
  readonly telemetry: Telemetry
}

/** From now until {@link endHandling} the handling of the work is a step of the message's trace. */
export function beginHandling({ consumer, queue, telemetry }: TraceParts, work: Work): void {
  const { tracing } = telemetry
  const { envelope, exchange, routingKey } = work.delivery
  if (tracing === undefined || envelope === null) return
  const { claimed } = work
  work.handling = tracing.handle({
    ...{ consumer, queue, envelope, exchange, routingKey, attempt: attemptOf(work) },
    replayed: claimed !== null && claimed.replays > 0,
    previous: claimed?.previous ?? null,
  })
}

/** What is kept of the step with the attempt. */
export function traceOf({ handling }: Pick<Work, 'handling'>): AttemptTrace | null {
  if (handling === null) return null
  const { headers, ids } = handling
  const isSampled = ids !== null && (Number.parseInt(ids.trace_flags, 16) & 1) !== 0
  return { headers, traceId: isSampled ? ids.trace_id : null }
}

/** What is known at the end of an attempt. */
export interface Ended {
  /** The step that ends: the work may be in the next one already. */
  readonly handling: Work['handling']
  readonly final: AnswerVerdict
  readonly error: unknown
  /** Of a message that is kept. */
  readonly fate: FailureFate | null
}

/** Ends the step, and tells what came of a replay. What is tried again by itself begins a step of its own then. */
export function endHandling(
  { consumer, telemetry }: TraceParts,
  work: Work,
  { handling, final, error, fate }: Ended,
): void {
  const outcome = final.kind === 'ack' || final.kind === 'dead' ? final.outcome : 'released'
  handling?.end({ outcome, error, kept: fate === null ? null : keptAs(fate) })
  if (work.handling === handling) work.handling = null
  if (work.claimed === null || work.claimed.replays === 0) return
  if (outcome === 'handled') telemetry.replayed?.(consumer, 'succeeded')
  if (fate !== null) telemetry.replayed?.(consumer, 'failed_again')
}

function keptAs({ reason, state }: FailureFate): HandlingEnd['kept'] {
  return { reason, retryInMs: state.kind === 'retry' ? state.afterMs : null }
}
