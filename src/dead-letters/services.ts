import { WaybillError } from '../errors.ts'
import { quote } from '../message/text.ts'
import { makeChange, type ChangeParts } from './change.ts'
import { checkName, checkReason } from './checks.ts'
import type { Total } from './dead-letter.ts'
import type { Changes } from './dead-letter-store.ts'
import type { ServiceOperations } from './operations.ts'

export function createServices(parts: ChangeParts): ServiceOperations {
  const { store } = parts
  return {
    consumers: () => store.consumers(),
    relays: () => store.relays(),
    async pause(kind, name, intent) {
      checkName(`The ${kind}`, name)
      checkReason(intent.reason, `pause ${kind} ${quote(name)}`)
      const { by, reason } = intent
      await makeChange(
        parts,
        { action: `${kind}s.pause`, target: `${kind} ${name}`, intent, about: [] },
        async (changes) => {
          await changes.pause({ kind, name, pausedBy: by.name, reason })
          return { answer: name }
        },
      )
      const pause = (await store.pauses()).find((one) => one.kind === kind && one.name === name)
      if (pause !== undefined) return pause
      throw new WaybillError('WAYBILL_NOT_FOUND', {
        problem: `The pause of ${kind} ${quote(name)} was ended at once.`,
      })
    },
    async resume(kind, name, intent) {
      checkName(`The ${kind}`, name)
      const wanted = { action: `${kind}s.resume`, target: `${kind} ${name}`, intent, about: [] }
      const answer = await makeChange(parts, wanted, async (changes) => {
        const wasPaused = await changes.resume(kind, name)
        return { answer: wasPaused ? 'paused' : 'running', details: { wasPaused } }
      })
      return answer === 'paused'
    },
    async previewRename(from, to) {
      checkNames(from, to)
      await store.change((changes) => checkRename(changes, from, to))
      const known = (await store.consumers()).find(({ name }) => name === from)
      const { retry = NONE, waiting = NONE, dead = NONE, pause = null } = known ?? {}
      return { from, to, retry, waiting, dead, pause }
    },
    async rename(from, to, intent) {
      checkNames(from, to)
      const wanted = { action: 'consumers.rename', target: `consumer ${from}`, intent, about: [to] }
      await makeChange(parts, wanted, async (changes) => {
        await checkRename(changes, from, to)
        await changes.rename(from, to)
        // It may have taken a while, in which somebody may have started one.
        if (await changes.runs([from, to])) throw cannotRename('running', from, to)
        await changes.note([
          {
            ...{ by: intent.by, action: 'consumers.rename', target: `consumer ${to}`, outcome: 'done' },
            ...{ reason: intent.reason ?? null, details: { from } },
          },
        ])
        return { answer: to, details: { to } }
      })
    },
    stats: () => store.stats(),
  }
}

const NONE: Total = { count: 0, isExact: true }

function checkNames(from: string, to: string): void {
  checkName('The consumer', from)
  checkName('The new name', to)
}

/** @throws WaybillError why it cannot be renamed. */
async function checkRename(changes: Changes, from: string, to: string): Promise<void> {
  if (await changes.runs([from, to])) throw cannotRename('running', from, to)
  if (!(await changes.keeps(from))) throw cannotRename('unknown', from, to)
  if (from === to || (await changes.keeps(to))) throw cannotRename('taken', from, to)
}

function cannotRename(problem: 'unknown' | 'running' | 'taken', from: string, to: string): WaybillError {
  if (problem === 'unknown') {
    return new WaybillError('WAYBILL_NOT_FOUND', {
      problem: `Nothing is kept of a consumer ${quote(from)}.`,
      remedy: 'See `waybill consumers list` for the names that are known.',
    })
  }
  return new WaybillError('WAYBILL_STATE_CONFLICT', {
    problem:
      problem === 'running'
        ? `An instance of ${quote(from)} or ${quote(to)} is running.`
        : `Something is kept of a consumer ${quote(to)} already.`,
    remedy:
      problem === 'running'
        ? 'Stop all instances, and rename it then. One that was killed counts as running until its lease has run out.'
        : 'Choose another name.',
  })
}
