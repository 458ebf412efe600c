import type { DeadLetterFilter } from '../../../src/ports.ts'
import type { Flags } from '../command.ts'
import { text, usage } from './with-operations.ts'

const NAMES = {
  consumer: 'consumer',
  type: 'type',
  key: 'key',
  cause: 'reason',
  error: 'errorText',
  fingerprint: 'fingerprint',
  'message-id': 'messageId',
  'correlation-id': 'correlationId',
  direction: 'direction',
  state: 'state',
} as const

type FilterFlag = keyof typeof NAMES | 'from' | 'until'

export const FILTER_OPTIONS: Readonly<Record<FilterFlag, { readonly type: 'string' }>> = {
  ...(Object.fromEntries(Object.keys(NAMES).map((name) => [name, { type: 'string' }])) as Record<
    keyof typeof NAMES,
    { readonly type: 'string' }
  >),
  from: { type: 'string' },
  until: { type: 'string' },
}

export const FILTER_HELP: readonly (readonly [string, string])[] = [
  ['--consumer, --type, --key <text>', 'Those of one consumer, message type, key.'],
  ['--cause <reason>', 'Those with one reason, such as exhausted or permanent.'],
  ['--error <text>', 'Those with this in their error.'],
  ['--fingerprint <text>', 'Those that failed alike, see groups.'],
  ['--message-id, --correlation-id <id>', 'Those with this id.'],
  ['--direction <in|out>', 'Those of consumers, or of relays.'],
  ['--from, --until <time>', 'Those that failed then, such as 2026-01-31T12:00:00Z.'],
  ['--state <state>', 'dead (default), discarded, retry, waiting or resolved; to list only.'],
]

/** @returns null when nothing of a filter was given */
export function filterOf(flags: Flags): DeadLetterFilter | null {
  const given = Object.entries(NAMES).flatMap(([flag, name]) => {
    const value = text(flags, flag)
    return value === undefined ? [] : [[name, value] as const]
  })
  const times = (['from', 'until'] as const).flatMap((name) => {
    const value = text(flags, name)
    return value === undefined ? [] : [[name, time(name, value)] as const]
  })
  const all = [...given, ...times]
  return all.length === 0 ? null : (Object.fromEntries(all) as DeadLetterFilter)
}

export function time(name: string, value: string): Date {
  const found = new Date(value)
  if (!Number.isNaN(found.getTime())) return found
  throw usage(`--${name} ${value} is not a time.`, 'Write it as 2026-01-31T12:00:00Z.')
}
