import { WaybillError } from '../errors.ts'
import { quote } from '../message/text.ts'
import type { BulkOperation, BulkRequest } from './bulk.ts'
import type { BulkInHand, BulkNext, Choice, NewBulk } from './bulk-store.ts'
import { workOnBulk } from './bulk-work.ts'
import { makeChange, type ChangeParts, type Done } from './change.ts'
import { checkConfirmations, checkFilter, checkNumber, checkReason, checkWhole } from './checks.ts'
import type { Changes } from './dead-letter-store.ts'
import type { Intent } from './intent.ts'
import { bulkId, bulkNumber, letterRef } from './letter-id.ts'
import type { BulkOperations } from './operations.ts'
import { readPage } from './pages.ts'

const MOST = 100_000
const RATES = [0.1, 1000] as const
const DEFAULT_RATE = 50
const DEFAULT_STOP_AFTER = 20
const MOST_OFF = 0.1

export function createBulk(parts: ChangeParts): BulkOperations {
  const { store } = parts
  const show = async (id: string): Promise<BulkOperation> => {
    const found = await store.bulkOperation(bulkNumber(id))
    if (found === null) throw notFound(id)
    return found
  }
  const control = async (action: string, id: string, intent: Intent): Promise<BulkOperation> => {
    const number = bulkNumber(id)
    const wanted = { action: `bulk-operations.${action}`, target: id, intent, about: [] }
    await makeChange(parts, wanted, (changes) => steer(changes, { action, number }))
    return show(id)
  }
  return {
    async preview(request) {
      const { choice, max } = checkRequest(request)
      return store.preview(choice, max)
    },
    async start(request) {
      const { choice, max } = checkRequest(request)
      const about = [
        request.action,
        request.selection,
        max,
        request.rate ?? null,
        request.canary ?? null,
        request.confirm ?? [],
      ]
      const wanted = { action: 'bulk-operations.start', target: 'bulk', intent: request, about }
      return show(await makeChange(parts, wanted, (changes) => begin(changes, { request, choice, max })))
    },
    list: (page = {}) =>
      readPage({ list: 'bulk', about: {}, shape: ['whole'] }, page, (cut) => store.bulkOperations(cut)),
    show,
    async items(id, page = {}) {
      await show(id)
      const scope = { list: 'bulk-items', about: { id }, shape: ['whole'] as const }
      return readPage(scope, page, (cut) => store.bulkItems(bulkNumber(id), cut))
    },
    pause: (id, intent) => control('pause', id, intent),
    resume: (id, intent) => control('resume', id, intent),
    cancel: (id, intent) => control('cancel', id, intent),
    work: () => workOnBulk(parts),
  }
}

interface Checked {
  readonly choice: Choice
  readonly max: number
}

/** @throws WaybillError WAYBILL_OPTION_INVALID */
function checkRequest(request: BulkRequest): Checked {
  const { selection, max = MOST, rate = DEFAULT_RATE, canary = 0, stopAfter = DEFAULT_STOP_AFTER } = request
  if (request.action === 'discard') checkReason(request.reason, 'discard them')
  checkWhole('max', max, [1, MOST])
  checkNumber('rate', rate, RATES)
  checkWhole('canary', canary, [0, MOST])
  checkWhole('stopAfter', stopAfter, [1, MOST])
  if (request.expectedCount !== undefined) checkWhole('expectedCount', request.expectedCount, [0, MOST])
  checkConfirmations(request.confirm)
  return { choice: checkChoice(selection), max }
}

function checkChoice(selection: BulkRequest['selection']): Choice {
  if ('ids' in selection) {
    checkWhole('The number of ids', selection.ids.length, [1, MOST])
    return { refs: [...new Set(selection.ids)].map((id) => letterRef(id)) }
  }
  const filter = checkFilter(selection.filter)
  if (filter.state === 'dead') return { filter }
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: `The filter asks for those that are ${filter.state}.`,
    wanted: 'Bulk operations are for those that are dead.',
  })
}

async function begin(
  changes: Changes,
  { request, choice, max }: Checked & { readonly request: BulkRequest },
): Promise<Done> {
  await changes.lockBulk()
  const { number, chosen, found } = await changes.choose(newBulk(request, choice), choice, max)
  checkCount(request.expectedCount, found)
  if (chosen === 0) {
    throw new WaybillError('WAYBILL_COUNT_CHANGED', {
      problem: 'There are no such dead letters.',
      details: { count: 0 },
    })
  }
  await checkRival(changes, number)
  return {
    answer: bulkId(number),
    details: { bulk: bulkId(number), action: request.action, chosen, selection: shown(request, choice) },
  }
}

function newBulk(request: BulkRequest, choice: Choice): NewBulk {
  const { action, rate = DEFAULT_RATE, canary = 0, stopAfter = DEFAULT_STOP_AFTER } = request
  return {
    ...{ action, rate, canary, stopAfter, by: request.by },
    reason: request.reason ?? null,
    confirm: request.confirm ?? [],
    selection: JSON.stringify(shown(request, choice)),
  }
}

function shown({ selection }: BulkRequest, choice: Choice): unknown {
  return 'refs' in choice ? { ids: choice.refs.length } : selection
}

function checkCount(expected: number | undefined, found: number): void {
  if (expected === undefined || Math.abs(found - expected) <= expected * MOST_OFF) return
  throw new WaybillError('WAYBILL_COUNT_CHANGED', {
    problem: `There are ${found} by now, not ${expected}.`,
    remedy: 'Look at them again before you decide.',
    details: { count: found },
  })
}

async function checkRival(changes: Changes, number: number): Promise<void> {
  const rival = await changes.rival(number)
  if (rival === null) return
  throw new WaybillError('WAYBILL_STATE_CONFLICT', {
    problem: `${bulkId(rival)} is under way for the same consumer.`,
    remedy: 'Wait for it, or cancel it.',
    details: { bulkId: bulkId(rival) },
  })
}

/** What may follow what by the hand of an operator. */
const FROM: Readonly<Record<string, readonly string[]>> = {
  pause: ['running'],
  resume: ['paused'],
  cancel: ['running', 'paused'],
}

async function steer(
  changes: Changes,
  { action, number }: { readonly action: string; readonly number: number },
): Promise<Done> {
  if (action === 'resume') await changes.lockBulk()
  const found = await changes.take(number)
  if (found === null) throw notFound(bulkId(number))
  const from = FROM[action] ?? []
  if (!from.includes(found.state)) {
    throw new WaybillError('WAYBILL_STATE_CONFLICT', {
      problem: `${bulkId(number)} is ${found.state}.`,
      wanted: `To ${action} it, it must be ${from.join(' or ')}.`,
      details: { state: found.state },
    })
  }
  if (action === 'resume') await checkRival(changes, number)
  await changes.leave(number, after(action, found))
  const tell: Done['tell'] = (telemetry) => telemetry.bulkEnded?.(found.action, 'cancelled')
  return { answer: bulkId(number), ...(action === 'cancel' && { tell }) }
}

/** Who resumes one has seen what failed. */
function after(action: string, { failedAgain }: BulkInHand): BulkNext {
  if (action === 'pause') return { state: 'paused', pauseReason: 'By an operator.' }
  if (action === 'cancel') return { state: 'cancelled' }
  return { state: 'running', pauseReason: null, dueInMs: 0, canary: 0, forgiven: failedAgain }
}

function notFound(id: string): WaybillError {
  return new WaybillError('WAYBILL_NOT_FOUND', { problem: `There is no bulk operation ${quote(id)}.` })
}
