import type { Step } from './explore.ts'

/**
 * Time goes in ticks. An owner stops publishing `STOP` before the end of what it can prove, and the broker drops who was
 * silent for `HEARTBEAT`: just in time before the next owner. With one tick less of `STOP` or `GRACE` it would be too late.
 */
export const LEASE = 2
export const STOP = 1
export const GRACE = 1
export const HEARTBEAT = 3

/** What is taken away from the leases, or goes wrong beside them, to see what they are there for. */
export interface LeaseFaults {
  /** A lane is taken from an owner whose lease has not run out. */
  readonly takesOverEarly?: boolean
  /** A lane is taken as soon as its lease has run out. */
  readonly noGrace?: boolean
  /** An owner publishes as long as it can prove its lease. */
  readonly publishesToTheEnd?: boolean
  /** A renewal counts from its answer. */
  readonly countsFromAnswer?: boolean
  /** An owner needs no proof: it is one until the database says otherwise. */
  readonly trustsItself?: boolean
  /** A lease that has run out is renewed as long as nobody has taken the lane. */
  readonly renewsLate?: boolean
  /** A renewal puts who was taken off the list on it again. */
  readonly renewsAnew?: boolean
  /** Only the owner, and under its epoch, may remove records: a rule that the relay does not have. */
  readonly fencesRemovals?: boolean
  /** Records are removed by their position alone. */
  readonly removesByPosition?: boolean
  /** A record goes out although an earlier one of its key has no confirm. */
  readonly doesNotWait?: boolean
  /** The broker watches no heartbeats and reads when it likes, also what was sent before a reset. */
  readonly alarm?: boolean
  /** The clock of an owner stands still while it is frozen, as that of a machine that was suspended. */
  readonly clockStops?: boolean
  /** A lane was given back twice, as the first time had no answer, and the first time is still on its way. */
  readonly givesBackLate?: boolean
  /** A release names the lane and not its epoch. */
  readonly releasesAnyEpoch?: boolean
}

export interface LeaseModelOptions extends LeaseFaults {
  /** The key of each message; all are committed, but for the last where the database fails over. */
  readonly keys: readonly string[]
  /** How often a relay freezes, dies, is not renewed in time, or gives its lane back. */
  readonly faults: number
  /** The database forgets the commit of the last but one, and gives its position to the last one. */
  readonly failsOver?: boolean
}

export interface Held {
  readonly message: number
  /** Between `checked` and `sent` the process may freeze; who is frozen has not read the confirm of what `arrived`. */
  readonly stage: 'ready' | 'checked' | 'sent' | 'arrived' | 'confirmed'
}

export interface Relay {
  readonly runs: 'awake' | 'frozen' | 'dead'
  /** Its row: ticks until it expires by the clock of the database; null: it has none. Only owners have one here. */
  readonly row: number | null
  /** Ticks for which it can prove its lease by its own clock. */
  readonly proof: number
  /** A renewal on its way, since so many ticks. */
  readonly asked: { readonly ago: number; readonly answer: 'none' | 'granted' | 'refused' } | null
  /** Under which it believes the lane its own; 0: it does not. */
  readonly epoch: number
  readonly held: readonly Held[]
  /** Confirmed to a former self, and still to be removed. */
  readonly removals: readonly number[]
  readonly connected: boolean
  /** Ticks since the broker has read anything of it: a frame that is not read holds up the heartbeats behind it. */
  readonly silent: number
  /** The epoch of a lane that is given back late; 0: none. */
  readonly late: number
}

export interface Frame {
  readonly by: number
  readonly epoch: number
  readonly message: number
}

export interface LeaseState {
  readonly rows: readonly ('not yet' | 'there' | 'gone')[]
  readonly owner: number | null
  readonly epoch: number
  readonly relays: readonly Relay[]
  readonly frames: readonly Frame[]
  /** Without those that came again. */
  readonly arrived: readonly number[]
  readonly repeats: boolean
  /** How many may still come again: what was handed over and not removed when a lane or a connection was lost. */
  readonly atStake: number
  /** The highest epoch that the broker has seen, and whether a lower one came after it. */
  readonly heard: number
  readonly isLate: boolean
  readonly faults: number
  readonly failed: boolean
}

export type Steps = Generator<Step<LeaseState>>

export function withStage(held: readonly Held[], message: number, stage: Held['stage']): readonly Held[] {
  return held.map((one) => (one.message === message ? { message, stage } : one))
}
