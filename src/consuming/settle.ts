import type { Clock } from '../lifecycle/clock.ts'
import type { Catalogue } from '../message/catalogue.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { HandledOutcome } from '../telemetry/handled-outcome.ts'
import type { HandledResult, Telemetry } from '../telemetry/telemetry.ts'
import type { Verdict, Work } from './verdict.ts'

export interface SettleParts {
  readonly consumer: string
  readonly messages: Catalogue
  readonly logger: Logger
  readonly telemetry: Telemetry
  readonly clock: Clock
}

/** The verdicts that are answers; after the others a delivery is tried again. */
export type FinalVerdict = Extract<Verdict, { readonly kind: 'ack' | 'dead' | 'release' }>

type DeadVerdict = Extract<Verdict, { readonly kind: 'dead' }>

export function isFinal(verdict: Verdict): verdict is FinalVerdict {
  return verdict.kind === 'ack' || verdict.kind === 'dead' || verdict.kind === 'release'
}

/** Answers a delivery, tells and logs it. */
export function settle(
  parts: SettleParts,
  work: Work,
  told: { verdict: FinalVerdict; durationMs: number },
): void {
  const { delivery } = work
  const { verdict, durationMs } = told
  switch (verdict.kind) {
    case 'ack':
      delivery.ack()
      break
    case 'release':
      delivery.release()
      break
    case 'dead':
      delivery.deadLetter()
      logDead(parts, work, verdict)
      break
  }
  const outcome: HandledOutcome = verdict.kind === 'release' ? 'released' : verdict.outcome
  tellHandled(parts, work, { outcome, durationMs })
}

/** Tells how a delivery was answered. */
export function tellHandled(
  { telemetry, consumer, messages, clock }: SettleParts,
  work: Pick<Work, 'delivery' | 'handling'>,
  result: Pick<HandledResult, 'outcome' | 'durationMs'>,
): void {
  if (telemetry.handled === undefined) return
  const writtenAt = work.delivery.envelope?.createdAt ?? 0
  const ageMs = writtenAt > 0 ? clock.now() - writtenAt : null
  telemetry.handled(consumer, knownType(messages, work), {
    ...result,
    ageMs,
    ids: work.handling?.ids ?? null,
  })
}

function logDead({ logger }: SettleParts, { delivery }: Work, { outcome, reason, error }: DeadVerdict): void {
  const { envelope, exchange, routingKey } = delivery
  const fields = {
    messageId: envelope?.messageId,
    type: envelope?.type,
    exchange,
    routingKey,
    outcome,
    reason,
    error,
  }
  logger.error(fields, 'A message that cannot be kept goes to the dead-letter queue of the broker.')
}

/** Strangers' types are not told: metrics are kept for each one. */
export function knownType(messages: Catalogue, { delivery }: Pick<Work, 'delivery'>): string {
  const type = delivery.envelope?.type
  return type !== undefined && messages.find(type) !== undefined ? type : 'unknown'
}
