import { WaybillError } from '../errors.ts'
import { quote } from '../message/text.ts'
import { makeChange } from './change.ts'
import { checkName, checkReason } from './checks.ts'
import type { DeadLetterStore } from './dead-letter-store.ts'
import type { ServiceOperations } from './operations.ts'

export function createServices(store: DeadLetterStore): ServiceOperations {
  return {
    consumers: () => store.consumers(),
    relays: () => store.relays(),
    async pause(kind, name, intent) {
      checkName(`The ${kind}`, name)
      checkReason(intent.reason, `pause ${kind} ${quote(name)}`)
      const { by, reason } = intent
      await makeChange(
        store,
        { action: 'pause', target: `${kind} ${name}`, intent, about: [] },
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
      const wanted = { action: 'resume', target: `${kind} ${name}`, intent, about: [] }
      const answer = await makeChange(store, wanted, async (changes) => {
        const wasPaused = await changes.resume(kind, name)
        return { answer: wasPaused ? 'paused' : 'running', details: { wasPaused } }
      })
      return answer === 'paused'
    },
    async rename(from, to, intent) {
      checkName('The consumer', from)
      checkName('The new name', to)
      await makeChange(
        store,
        { action: 'rename', target: `consumer ${from}`, intent, about: [to] },
        async (changes) => {
          const problem = from === to ? 'taken' : await changes.rename(from, to)
          if (problem !== null) throw cannotRename(problem, from, to)
          return { answer: to, details: { to } }
        },
      )
    },
    stats: () => store.stats(),
  }
}

function cannotRename(problem: 'unknown' | 'running' | 'taken', from: string, to: string): WaybillError {
  if (problem === 'unknown') {
    return new WaybillError('WAYBILL_NOT_FOUND', { problem: `Nothing is kept of a consumer ${quote(from)}.` })
  }
  return new WaybillError('WAYBILL_STATE_CONFLICT', {
    problem:
      problem === 'running'
        ? `An instance of ${quote(from)} or ${quote(to)} is running.`
        : `There is a consumer ${quote(to)} already.`,
    remedy: problem === 'running' ? 'Stop all instances, and rename it then.' : 'Choose another name.',
  })
}
