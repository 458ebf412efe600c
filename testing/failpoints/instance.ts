import { WaybillError, type Clock } from '../../src/ports.ts'
import type { FailpointName } from './failpoint.ts'
import type { Points } from './points.ts'

/** What the seams of one instance have in common. */
export interface Instance {
  readonly points: Points
  readonly clock: Clock
  /** The present life, which the next crash ends. */
  readonly life: Life
  /** Ends the life. @returns the error that all get who were in the middle of something. */
  crash(by: FailpointName): Error
  /** @returns a function that ends the listening. */
  onCrash(listener: () => void): () => void
}

export interface Life {
  /** Null while it lasts. */
  over: Error | null
}

export function createInstance(points: Points, clock: Clock): Instance {
  const listeners = new Set<() => void>()
  const self = { life: newLife() }
  return {
    points,
    clock,
    get life() {
      return self.life
    },
    crash(by) {
      const error = databaseGone(by, 'The instance has crashed on purpose.')
      self.life.over = error
      self.life = newLife()
      for (const listener of [...listeners]) listener()
      return error
    },
    onCrash(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

const newLife = (): Life => ({ over: null })

/** Of the class that a lost connection to the database has. */
export function databaseGone(failpoint: FailpointName, what: string): WaybillError {
  return new WaybillError('WAYBILL_DATABASE_UNAVAILABLE', {
    problem: `${what} (failpoint "${failpoint}")`,
    details: { failpoint },
  })
}

export function brokerGone(failpoint: FailpointName, what: string): WaybillError {
  return new WaybillError('WAYBILL_BROKER_UNAVAILABLE', {
    problem: `${what} (failpoint "${failpoint}")`,
    details: { failpoint },
  })
}
