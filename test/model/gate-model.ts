import type { Model, Step } from './explore.ts'

/** What is taken away from the gate of a key, to see what it was there for. */
export interface GateFaults {
  /** Messages are handled although an earlier one of their key is kept. */
  readonly noGate?: boolean
  /** A gate that seems closed is believed, without a second look under the lock. */
  readonly looksOnce?: boolean
  /** The second look is part of the statement that waits for the lock, and so sees what was before. */
  readonly looksWithLock?: boolean
  /** Who ends the head of a key does not take its lock before it looks for the next one. */
  readonly releasesWithoutLock?: boolean
  /** The next one of a key is not looked for when its head ends. */
  readonly releasesNone?: boolean
}

export interface GateModelOptions extends GateFaults {
  /** Messages of one key, of which the first ones fail so often. */
  readonly failures: readonly number[]
  /** How often the first is a dead letter, which an operator replays. */
  readonly replays: number
}

type Kept = 'no' | 'retry' | 'waiting' | 'dead' | 'resolved'

/** The transaction that handles a delivery, statement by statement. */
interface Delivery {
  readonly at: 'queued' | 'remembered' | 'closed' | 'locking' | 'locked' | 'stores' | 'handles' | 'over'
  /** What the statement that waits for the lock has seen. */
  readonly seen: boolean
}

/** The transaction that tries the head again. */
interface Trying {
  readonly message: number
  readonly at: 'resolves' | 'locking' | 'looks' | 'commits'
  /** The next one of the key, as it has looked; -1: there is none. */
  readonly next: number
}

export interface GateState {
  readonly kept: readonly Kept[]
  readonly deliveries: readonly Delivery[]
  readonly trying: Trying | null
  readonly failures: readonly number[]
  /** Who holds the lock of the key: a delivery by its number, or -1 who tries again. */
  readonly lock: number | null
  readonly effects: readonly number[]
  readonly replays: number
}

const TRYING = -1

/** One key: its messages arrive one after the other, fail, wait for one another, and are tried again. */
export function gateModel(options: GateModelOptions): Model<GateState> {
  const count = options.failures.length
  return {
    initial: {
      kept: Array.from({ length: count }, () => 'no'),
      deliveries: Array.from({ length: count }, () => ({ at: 'queued', seen: false })),
      ...{ trying: null, failures: options.failures, lock: null, effects: [], replays: options.replays },
    },
    *steps(state) {
      for (const message of state.deliveries.keys()) yield* deliverySteps(options, state, message)
      yield* tryingSteps(options, state)
    },
    broken: ({ effects }) => [
      ...(effects.some((message, index) => index > 0 && message < (effects[index - 1] ?? 0))
        ? ['order']
        : []),
      ...(new Set(effects).size < effects.length ? ['once'] : []),
    ],
    isDone: ({ effects }) => effects.length === count,
  }
}

/** What is committed; a transaction sees its own rows as well, which changes nothing here. */
function isClosed({ kept }: GateState): boolean {
  return kept.some((one) => one === 'retry' || one === 'waiting' || one === 'dead')
}

type Steps = Generator<Step<GateState>>

function* deliverySteps(options: GateModelOptions, state: GateState, message: number): Steps {
  const own = state.deliveries[message]
  if (own === undefined) return
  const become = (at: Delivery['at'], more: Partial<GateState> = {}, seen = own.seen): GateState => ({
    ...state,
    ...more,
    deliveries: state.deliveries.map((one, index) => (index === message ? { at, seen } : one)),
  })
  const name = String(message)
  switch (own.at) {
    case 'queued': {
      // One of a key begins only when those before it are over.
      const isNext = state.deliveries.slice(0, message).every(({ at }) => at === 'over')
      if (isNext) yield { name: `${name} is remembered`, next: become('remembered') }
      return
    }
    case 'remembered':
      if (options.noGate === true || !isClosed(state)) {
        yield { name: `${name} finds the gate open`, next: become('handles') }
      } else
        yield {
          name: `${name} finds the gate closed`,
          next: become(options.looksOnce === true ? 'stores' : 'closed'),
        }
      return
    case 'closed':
      yield { name: `${name} asks for the lock`, next: become('locking', {}, isClosed(state)) }
      return
    case 'locking':
      if (state.lock === null)
        yield { name: `${name} has the lock`, next: become('locked', { lock: message }) }
      return
    case 'locked': {
      const seen = options.looksWithLock === true ? own.seen : isClosed(state)
      yield { name: `${name} looks again`, next: become(seen ? 'stores' : 'handles') }
      return
    }
    case 'stores':
      yield {
        name: `${name} waits`,
        next: become('over', { ...unlocked(state, message), kept: keep(state, message, 'waiting') }),
      }
      return
    case 'handles':
      yield* handled(state, message, become)
      return
    case 'over':
  }
}

function* handled(
  state: GateState,
  message: number,
  become: (at: Delivery['at'], more: Partial<GateState>) => GateState,
): Steps {
  const name = String(message)
  const lock = unlocked(state, message)
  if ((state.failures[message] ?? 0) > 0) {
    const more = { ...lock, failures: failedOnce(state, message), kept: keep(state, message, 'retry') }
    yield { name: `${name} fails`, next: become('over', more) }
    return
  }
  yield {
    name: `${name} is handled`,
    next: become('over', { ...lock, effects: [...state.effects, message] }),
  }
}

/** The head of the key is tried again when it is due; an operator makes a dead one due. */
function* tryingSteps(options: GateModelOptions, state: GateState): Steps {
  const { trying } = state
  if (trying === null) {
    const message = state.kept.indexOf('retry')
    if (message !== -1) {
      yield {
        name: `${String(message)} is tried again`,
        next: { ...state, trying: { message, at: 'resolves', next: -1 } },
      }
    }
    const dead = state.kept.indexOf('dead')
    if (dead !== -1)
      yield { name: `${String(dead)} is replayed`, next: { ...state, kept: keep(state, dead, 'retry') } }
    return
  }
  const { message, at } = trying
  const name = String(message)
  if (at === 'resolves') {
    if ((state.failures[message] ?? 0) > 0) {
      const failures = failedOnce(state, message)
      yield { name: `${name} fails again`, next: { ...state, trying: null, failures } }
      if (state.replays > 0) {
        const more = {
          trying: null,
          failures,
          replays: state.replays - 1,
          kept: keep(state, message, 'dead'),
        }
        yield { name: `${name} is given up`, next: { ...state, ...more } }
      }
      return
    }
    yield {
      name: `${name} is handled again`,
      next: { ...state, trying: { message, at: 'locking', next: -1 } },
    }
  } else if (at === 'locking') {
    if (options.releasesWithoutLock === true)
      yield { name: `${name} goes on`, next: { ...state, trying: { message, at: 'looks', next: -1 } } }
    else if (state.lock === null) {
      yield {
        name: `${name} has the lock`,
        next: { ...state, lock: TRYING, trying: { message, at: 'looks', next: -1 } },
      }
    }
  } else if (at === 'looks') {
    const next = options.releasesNone === true ? -1 : state.kept.indexOf('waiting')
    yield { name: `${name} looks for the next`, next: { ...state, trying: { message, at: 'commits', next } } }
  } else {
    const kept = state.kept.map((one, index) =>
      index === message ? 'resolved' : index === trying.next ? 'retry' : one,
    )
    const lock = state.lock === TRYING ? null : state.lock
    yield {
      name: `${name} commits`,
      next: { ...state, kept, trying: null, lock, effects: [...state.effects, message] },
    }
  }
}

function unlocked(state: GateState, message: number): Pick<GateState, 'lock'> {
  return { lock: state.lock === message ? null : state.lock }
}

function keep({ kept }: GateState, message: number, as: Kept): readonly Kept[] {
  return kept.map((one, index) => (index === message ? as : one))
}

function failedOnce({ failures }: GateState, message: number): readonly number[] {
  return failures.map((left, index) => (index === message ? left - 1 : left))
}
