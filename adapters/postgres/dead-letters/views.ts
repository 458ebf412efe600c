import {
  MOST_COUNTED,
  type AuditEvent,
  type ConsumerView,
  type ConversationView,
  type LetterState,
  type MessagePlace,
  type PauseView,
  type Placed,
  type RelayView,
  type Stats,
  type Total,
} from '../../../src/ports.ts'
import type { SqlText } from '../sql-executor.ts'
import { knownTime, timeOf, type Row } from './letter-rows.ts'

export function totalOf(count: SqlText | undefined, most: number = MOST_COUNTED): Total {
  const counted = Number(count ?? 0)
  return { count: Math.min(counted, most), isExact: counted <= most }
}

export function pauseOf(json: SqlText | undefined): PauseView | null {
  if (typeof json !== 'string') return null
  const pause = JSON.parse(json) as PauseView & { readonly pausedAt: string }
  return { ...pause, pausedAt: new Date(pause.pausedAt) }
}

export function consumerOf(row: Row): ConsumerView {
  const [name, queue = null, mode = null, instances, retry, waiting, dead, pause] = row
  const running = JSON.parse(instances ?? '[]') as { instanceId: string; host: string; startedAt: string }[]
  return {
    name: name ?? '',
    queue,
    mode,
    instances: running.map((one) => ({ ...one, startedAt: new Date(one.startedAt) })),
    retry: totalOf(retry),
    waiting: totalOf(waiting),
    dead: totalOf(dead),
    pause: pauseOf(pause),
  }
}

export function relayOf([relayId, host, live, lanes, registeredAt, pause]: Row): RelayView {
  return {
    relayId: relayId ?? '',
    host: host ?? '',
    live: live === 't',
    lanes: JSON.parse(lanes ?? '[]') as number[],
    registeredAt: knownTime(registeredAt),
    pause: pauseOf(pause),
  }
}

export function statsOf(row: Row, paused: readonly PauseView[]): Stats {
  const [asOf, retry, waiting, dead, retryOut, deadOut, lastDeadAt, bulk] = row
  return {
    asOf: knownTime(asOf),
    in: { retry: totalOf(retry), waiting: totalOf(waiting), dead: totalOf(dead) },
    out: { retry: totalOf(retryOut), dead: totalOf(deadOut) },
    lastDeadAt: timeOf(lastDeadAt),
    bulkUnderWay: Number(bulk),
    paused,
  }
}

export function eventOf(row: Row): Placed<AuditEvent> {
  const [id, at, actor, roles, via, address = null, requestId = null, traceId = null, ...rest] = row
  const [action, target, outcome, reason = null, details] = rest
  const item: AuditEvent = {
    id: Number(id),
    at: knownTime(at),
    actor: actor ?? '',
    roles: JSON.parse(roles ?? '[]') as string[],
    via: via ?? '',
    address,
    requestId,
    traceId,
    action: action ?? '',
    target: target ?? '',
    outcome: outcome as AuditEvent['outcome'],
    reason,
    details: JSON.parse(details ?? '{}') as AuditEvent['details'],
  }
  return { item, place: [item.id] }
}

export function placeOf([
  place,
  consumer = null,
  state = null,
  letterId = null,
  type = null,
  at,
]: Row): MessagePlace {
  return {
    place: place as MessagePlace['place'],
    consumer,
    state: state as LetterState | null,
    letterId,
    type,
    at: knownTime(at),
  }
}

export function spokenOf(row: Row): ConversationView['messages'][number] {
  return { ...placeOf(row), messageId: row[6] ?? '', causationId: row[7] ?? null }
}
