import { WaybillError } from '../errors.ts'
import type { LetterState } from './dead-letter.ts'
import type { Confirmation } from './intent.ts'

/** What an operator can do with one. */
export type LetterAction = 'replay' | 'replay-edited' | 'discard' | 'restore'

/** As the audit names it, and the operation of the API. */
export function auditedAs(action: LetterAction): string {
  return `dead-letters.${action}`
}

/** What the rules look at. */
export interface LetterFacts {
  readonly id: string
  readonly state: LetterState
  readonly revision: number
  readonly replays: number
  readonly uncertain: boolean
  /** Its discard let others of its key go. */
  readonly hasReleased: boolean
}

interface Rule {
  /** The state it has before; after it, `retry` (behind others of its key: `waiting`), `discarded` or `dead`. */
  readonly from: LetterState
  /** Confirmations, by when they are needed. */
  readonly risks: Readonly<Partial<Record<Confirmation, (letter: LetterFacts) => boolean>>>
}

/** After so many replays the next one has to be wanted on purpose. */
export const MOST_REPLAYS = 5

const REPLAY: Rule = {
  from: 'dead',
  risks: {
    uncertain: ({ uncertain }) => uncertain,
    replays: ({ replays }) => replays >= MOST_REPLAYS,
  },
}

/** What may follow what by the hand of an operator; everything else is refused. */
export const RULES: Readonly<Record<LetterAction, Rule>> = {
  replay: REPLAY,
  'replay-edited': REPLAY,
  discard: { from: 'dead', risks: {} },
  restore: { from: 'discarded', risks: { order: ({ hasReleased }) => hasReleased } },
}

const RISKS: Readonly<Record<Confirmation, string>> = {
  uncertain: 'it might be handled a second time',
  replays: `it was replayed ${String(MOST_REPLAYS)} times or more to no avail`,
  order: 'later messages of its key may have been handled meanwhile',
}

export interface Asked {
  readonly revision?: number | undefined
  readonly confirm?: readonly Confirmation[] | undefined
}

/** Why it cannot be done; null when it can. */
export function refusal(action: LetterAction, letter: LetterFacts, asked: Asked): WaybillError | null {
  const { id, state, revision } = letter
  if (asked.revision !== undefined && asked.revision !== revision) {
    return new WaybillError('WAYBILL_REVISION_CONFLICT', {
      problem: `${id} has revision ${revision} by now, not ${asked.revision}; it is ${state}.`,
      remedy: 'Look at it again before you decide.',
      details: { revision, state },
    })
  }
  const { from, risks } = RULES[action]
  if (state !== from) {
    return new WaybillError('WAYBILL_STATE_CONFLICT', {
      problem: `${id} is ${state}.`,
      wanted: `To ${action === 'replay-edited' ? 'replay' : action} it, it must be ${from}.`,
      details: { revision, state },
    })
  }
  const needed = confirmations(letter, risks).filter((risk) => !(asked.confirm ?? []).includes(risk))
  if (needed.length === 0) return null
  return new WaybillError('WAYBILL_CONFIRMATION_NEEDED', {
    problem: `${id}: ${needed.map((risk) => RISKS[risk]).join(', and ')}.`,
    remedy: `Ask again with the confirmation of ${needed.join(' and ')} if that is what you want.`,
    details: { confirmations: needed, state, revision },
  })
}

function confirmations(letter: LetterFacts, risks: Rule['risks']): Confirmation[] {
  return (Object.keys(risks) as Confirmation[]).filter((risk) => risks[risk]?.(letter) === true)
}
