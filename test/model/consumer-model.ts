import type { Model, Step } from './explore.ts'

/** What is taken away from the consumer, to see what it was there for. */
export interface ConsumerFaults {
  /** One acknowledgement answers everything that was delivered before. */
  readonly cumulative?: boolean
  /** A delivery is answered before its effect is committed. */
  readonly acknowledgesFirst?: boolean
  readonly noInbox?: boolean
  /** A message begins although an earlier one of its key has not ended. */
  readonly doesNotWait?: boolean
}

export interface ConsumerModelOptions extends ConsumerFaults {
  /** The key of each message, in the order of the queue. */
  readonly keys: readonly string[]
  /** Messages that the queue holds twice: a relay has published them again. */
  readonly twice?: readonly number[]
  readonly prefetch: number
  readonly crashes: number
}

interface Delivery {
  readonly message: number
  readonly stage: 'delivered' | 'begun' | 'committed' | 'answered early'
}

export interface ConsumerState {
  readonly queue: readonly number[]
  readonly deliveries: readonly Delivery[]
  /** Message ids that were committed with their effects. */
  readonly inbox: readonly number[]
  readonly effects: readonly number[]
  readonly crashes: number
}

/** A queue, a consumer that handles what it is delivered side by side, and the database of its effects. */
export function consumerModel(options: ConsumerModelOptions): Model<ConsumerState> {
  const all = [...options.keys.keys()]
  return {
    initial: {
      queue: [...all, ...(options.twice ?? [])],
      ...{ deliveries: [], inbox: [], effects: [], crashes: options.crashes },
    },
    steps: (state) => stepsOf(options, state),
    broken: ({ effects }) => [
      ...(new Set(effects).size < effects.length ? ['once'] : []),
      ...(isInverted(effects, options.keys) ? ['order'] : []),
    ],
    isDone: ({ queue, deliveries, effects }) =>
      queue.length === 0 && deliveries.length === 0 && all.every((message) => effects.includes(message)),
  }
}

function* stepsOf(options: ConsumerModelOptions, state: ConsumerState): Generator<Step<ConsumerState>> {
  const { queue, deliveries } = state
  const [next, ...rest] = queue
  if (next !== undefined && deliveries.length < options.prefetch) {
    const delivery: Delivery = { message: next, stage: 'delivered' }
    yield {
      name: `${String(next)} is delivered`,
      next: { ...state, queue: rest, deliveries: [...deliveries, delivery] },
    }
  }
  for (const at of deliveries.keys()) yield* deliverySteps(options, state, at)
  if (state.crashes > 0) {
    const back = deliveries.filter(({ stage }) => stage !== 'answered early').map(({ message }) => message)
    yield {
      name: 'the consumer dies',
      next: { ...state, queue: [...back, ...queue], deliveries: [], crashes: state.crashes - 1 },
    }
  }
}

function* deliverySteps(
  options: ConsumerModelOptions,
  state: ConsumerState,
  at: number,
): Generator<Step<ConsumerState>> {
  const own = state.deliveries[at]
  if (own === undefined) return
  const { message, stage } = own
  const name = String(message)
  const become = (next: Delivery['stage']): readonly Delivery[] =>
    state.deliveries.map((one, index) => (index === at ? { message, stage: next } : one))
  const without = state.deliveries.filter((_, index) =>
    options.cumulative === true ? index > at : index !== at,
  )
  if (stage === 'delivered' && mayBegin(options, state, at)) {
    if (options.acknowledgesFirst === true) {
      yield { name: `${name} is answered`, next: { ...state, deliveries: become('answered early') } }
    } else yield { name: `${name} begins`, next: { ...state, deliveries: become('begun') } }
  }
  if (stage === 'begun')
    yield {
      name: `${name} commits`,
      next: { ...committed(options, state, message), deliveries: become('committed') },
    }
  if (stage === 'answered early') {
    yield { name: `${name} commits`, next: { ...committed(options, state, message), deliveries: without } }
  }
  if (stage === 'committed') yield { name: `${name} is answered`, next: { ...state, deliveries: without } }
}

/** The row in the inbox and the effect, or neither: it was there. */
function committed(options: ConsumerModelOptions, state: ConsumerState, message: number): ConsumerState {
  if (options.noInbox !== true && state.inbox.includes(message)) return state
  const inbox = [...new Set([...state.inbox, message])].sort((one, other) => one - other)
  return { ...state, inbox, effects: [...state.effects, message] }
}

function mayBegin(
  { keys, doesNotWait }: ConsumerModelOptions,
  { deliveries }: ConsumerState,
  at: number,
): boolean {
  const key = keys[deliveries[at]?.message ?? -1]
  return (
    doesNotWait === true ||
    !deliveries.slice(0, at).some(({ message, stage }) => keys[message] === key && stage !== 'committed')
  )
}

function isInverted(effects: readonly number[], keys: readonly string[]): boolean {
  const first = [...new Set(effects)]
  return first.some((message, index) =>
    first.slice(0, index).some((before) => keys[before] === keys[message] && before > message),
  )
}
