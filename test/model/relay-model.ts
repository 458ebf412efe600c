import type { Model, Step } from './explore.ts'

/** What is taken away from the relay, to see what it was there for. */
export interface RelayFaults {
  /** Records are deleted when they are sent. */
  readonly deletesBeforeConfirm?: boolean
  /** Fetches do not look for records of transactions that were open when they looked last. */
  readonly noStragglers?: boolean
  /** The bound of a page is the sequence as the same statement has read it. */
  readonly marksItself?: boolean
  /** The bound of a page may be beyond its end. */
  readonly marksBeyondPage?: boolean
  /** A record goes out although an earlier one of its key has no confirm. */
  readonly doesNotWait?: boolean
  /** The other relay takes the lane over while the first one works on. */
  readonly twoOwners?: boolean
  /** Floors are told without what is in memory. */
  readonly tellsWithoutHeld?: boolean
  /** Floors are told without the snapshot that belongs to them. */
  readonly tellsWithoutBase?: boolean
}

export interface RelayModelOptions extends RelayFaults {
  /** The key of each transaction, which writes one message; those of one key wait for one another. */
  readonly keys: readonly string[]
  readonly crashes: number
  readonly rollbacks?: boolean
  /** Records of a page. */
  readonly page: number
  /** Everything is searched anew now and then. */
  readonly sweeps?: boolean
  /** A relay tells where what waits is found, and the next one begins there. */
  readonly floors?: boolean
}

type Phase = 'idle' | 'open' | 'written' | 'committed' | 'rolled back'

interface Transaction {
  readonly phase: Phase
  readonly xid: number
  readonly position: number
  /** Its row is in the table. */
  readonly row: boolean
}

interface Snapshot {
  readonly xmax: number
  readonly open: readonly number[]
}

interface Held {
  readonly message: number
  readonly stage: 'ready' | 'sent' | 'confirmed'
}

interface Relay {
  readonly works: boolean
  readonly base: Snapshot
  readonly low: number
  readonly pos: number
  readonly held: readonly Held[]
  /** The sequence as it was read last. */
  readonly reading: number
  /** The reading before a write of its own, and that write. */
  readonly pair: { readonly reading: number; readonly xid: number } | null
  readonly mark: number
}

/** What waits stands at this position or behind, or was written by a transaction that was open at the base. */
interface Floor {
  readonly position: number
  readonly base: Snapshot
}

export interface RelayState {
  readonly transactions: readonly Transaction[]
  readonly nextXid: number
  readonly completed: number
  readonly sequence: number
  readonly relays: readonly Relay[]
  /** On their way to the broker, in the order of each connection. */
  readonly frames: readonly { readonly by: number; readonly message: number }[]
  readonly arrived: readonly number[]
  readonly told: Floor
  readonly crashes: number
  /** How many were in flight at the crashes: that many may come twice. */
  readonly atStake: number
}

const EVERYTHING = 1000
const NO_FLOOR: Floor = { position: 1, base: { xmax: 1, open: [] } }

function newRelay({ position, base }: Floor, works = true): Relay {
  const low = position - 1
  return { works, base, low, pos: low, held: [], reading: 0, pair: null, mark: low }
}

/** One lane: transactions that write, two relays of which one owns it at a time, and what arrives at the broker. */
export function relayModel(options: RelayModelOptions): Model<RelayState> {
  return {
    initial: {
      transactions: options.keys.map(() => ({ phase: 'idle', xid: 0, position: 0, row: false })),
      ...{ nextXid: 1, completed: 0, sequence: 0, frames: [], arrived: [], told: NO_FLOOR, atStake: 0 },
      relays: [newRelay(NO_FLOOR), newRelay(NO_FLOOR, options.twoOwners === true)],
      crashes: options.crashes,
    },
    *steps(state) {
      for (const at of state.transactions.keys()) yield* transactionSteps(options, state, at)
      for (const at of state.relays.keys()) yield* relaySteps(options, state, at)
      yield* frameSteps(state)
    },
    broken: (state) => brokenIn(options, state),
    isDone: ({ transactions, arrived }) =>
      transactions.every(
        ({ phase, row }, message) =>
          phase === 'rolled back' || (phase === 'committed' && !row && arrived.includes(message)),
      ),
  }
}

type Steps = Generator<Step<RelayState>>

function* transactionSteps({ keys, rollbacks }: RelayModelOptions, state: RelayState, at: number): Steps {
  const own = state.transactions[at]
  const changed = (change: Partial<Transaction>, more: Partial<RelayState> = {}): RelayState => ({
    ...state,
    ...more,
    transactions: state.transactions.map((one, index) => (index === at ? { ...one, ...change } : one)),
  })
  if (own === undefined) return
  if (own.phase === 'idle') {
    const isLocked = state.transactions.some(
      ({ phase }, index) => index < at && keys[index] === keys[at] && !isOver(phase),
    )
    if (isLocked) return
    yield {
      name: `${String(at)} begins`,
      next: changed({ phase: 'open', xid: state.nextXid }, { nextXid: state.nextXid + 1 }),
    }
  } else if (own.phase === 'open') {
    const sequence = state.sequence + 1
    yield {
      name: `${String(at)} writes`,
      next: changed({ phase: 'written', position: sequence }, { sequence }),
    }
  } else if (own.phase === 'written') {
    const completed = Math.max(state.completed, own.xid)
    yield { name: `${String(at)} commits`, next: changed({ phase: 'committed', row: true }, { completed }) }
    if (rollbacks)
      yield { name: `${String(at)} rolls back`, next: changed({ phase: 'rolled back' }, { completed }) }
  }
}

function isOver(phase: Phase): boolean {
  return phase === 'committed' || phase === 'rolled back'
}

function* relaySteps(options: RelayModelOptions, state: RelayState, at: number): Steps {
  const relay = state.relays[at]
  if (relay === undefined) return
  const changed = (change: Partial<Relay>, more: Partial<RelayState> = {}): RelayState => ({
    ...state,
    ...more,
    relays: state.relays.map((one, index) => (index === at ? { ...one, ...change } : one)),
  })
  if (!relay.works) {
    const isFree = state.relays.every(({ works }) => !works)
    if (isFree && at === 1)
      yield { name: `relay ${String(at)} takes over`, next: changed(newRelay(state.told)) }
    return
  }
  yield { name: `relay ${String(at)} fetches`, next: changed(fetched(options, state, relay)) }
  if (options.sweeps === true) {
    const anew = fetched(options, state, { ...relay, base: NO_FLOOR.base, low: 0, pos: 0 })
    yield { name: `relay ${String(at)} sweeps`, next: changed({ held: anew.held }) }
  }
  if (options.floors === true) {
    yield {
      name: `relay ${String(at)} tells its floor`,
      next: { ...state, told: floorOf(options, state, relay) },
    }
  }
  for (const { message, stage } of relay.held) {
    const name = `relay ${String(at)}`
    if (stage === 'ready' && maySend(options, state, { relay, message })) {
      const frames = [...state.frames, { by: at, message }]
      yield {
        name: `${name} sends ${String(message)}`,
        next: changed({ held: withStage(relay, message, 'sent') }, { frames }),
      }
    }
    if (stage === 'confirmed' || (options.deletesBeforeConfirm === true && stage === 'sent')) {
      yield { name: `${name} deletes ${String(message)}`, next: settled(state, at, message) }
    }
  }
  if (state.crashes > 0) {
    const inFlight = relay.held.filter(({ stage }) => stage !== 'ready').length
    const more = { crashes: state.crashes - 1, atStake: state.atStake + inFlight }
    yield { name: `relay ${String(at)} dies`, next: changed(newRelay(NO_FLOOR, false), more) }
  }
}

/** As `floor.ts` has it; here nothing is passed over. */
function floorOf(options: RelayModelOptions, state: RelayState, { low, base, held }: Relay): Floor {
  const positions = held.map(({ message }) => state.transactions[message]?.position ?? 0)
  return {
    position: Math.min(low + 1, ...(options.tellsWithoutHeld === true ? [] : positions)),
    base: options.tellsWithoutBase === true ? NO_FLOOR.base : base,
  }
}

/** A page and the hints after it, as `bounds.ts` has them. */
function fetched(options: RelayModelOptions, state: RelayState, relay: Relay): Relay {
  const snapshot = snapshotOf(state)
  const { low, pos, base } = relay
  const found = state.transactions
    .map((one, message) => ({ ...one, message }))
    .filter(({ row, xid, position }) => {
      if (!row) return false
      if (position > low) return !(position <= pos && isVisible(xid, base))
      return options.noStragglers !== true && base.open.includes(xid)
    })
    .sort((one, other) => one.position - other.position)
    .slice(0, options.page)
  const isCut = found.length >= options.page
  const last = isCut ? (found.at(-1)?.position ?? 0) : EVERYTHING
  const isShown = relay.pair !== null && isVisible(relay.pair.xid, snapshot)
  const mark = isShown ? Math.max(relay.mark, relay.pair.reading) : relay.mark
  const bound = options.marksItself === true ? state.sequence : mark
  const news = found.filter(({ message }) => !relay.held.some((one) => one.message === message))
  const held = [...relay.held, ...news.map(({ message }) => ({ message, stage: 'ready' as const }))]
  return {
    ...relay,
    ...{ base: snapshot, pos: last, low: options.marksBeyondPage === true ? bound : Math.min(bound, last) },
    ...{ held: held.sort((one, other) => one.message - other.message), reading: state.sequence },
    ...{ pair: isShown ? null : relay.pair, mark },
  }
}

function snapshotOf({ completed, transactions }: RelayState): Snapshot {
  const xmax = completed + 1
  const open = transactions.filter(({ phase, xid }) => xid > 0 && xid < xmax && !isOver(phase))
  return { xmax, open: open.map(({ xid }) => xid).sort((one, other) => one - other) }
}

function isVisible(xid: number, { xmax, open }: Snapshot): boolean {
  return xid < xmax && !open.includes(xid)
}

function maySend(
  options: RelayModelOptions,
  state: RelayState,
  { relay, message }: { readonly relay: Relay; readonly message: number },
): boolean {
  if (options.doesNotWait === true) return true
  const { keys } = options
  const place = (of: number): number => state.transactions[of]?.position ?? 0
  return !relay.held.some(
    (other) =>
      keys[other.message] === keys[message] &&
      other.stage !== 'confirmed' &&
      place(other.message) < place(message),
  )
}

function withStage(relay: Relay, message: number, stage: Held['stage']): readonly Held[] {
  return relay.held.map((one) => (one.message === message ? { ...one, stage } : one))
}

/** The delete is a transaction too, after the position was read: together they bound what may come. */
function settled(state: RelayState, at: number, message: number): RelayState {
  const xid = state.nextXid
  return {
    ...state,
    ...{ nextXid: xid + 1, completed: Math.max(state.completed, xid) },
    transactions: state.transactions.map((one, index) => (index === message ? { ...one, row: false } : one)),
    relays: state.relays.map((relay, index) => {
      if (index !== at) return relay
      const held = relay.held.filter((one) => one.message !== message)
      return { ...relay, held, pair: { reading: relay.reading, xid } }
    }),
  }
}

/**
 * What is on its way arrives, however late, and who still lives hears of it: that a confirm takes its time changes nothing,
 * as whoever dies before it comes knows as little. What one that is dead has sent may be lost as well.
 */
function* frameSteps(state: RelayState): Steps {
  for (const by of state.relays.keys()) {
    const at = state.frames.findIndex((frame) => frame.by === by)
    const frame = state.frames[at]
    if (frame === undefined) continue
    const { message } = frame
    const frames = state.frames.filter((_, index) => index !== at)
    const relays = state.relays.map((relay, index) =>
      index === by && relay.held.some((one) => one.message === message && one.stage === 'sent')
        ? { ...relay, held: withStage(relay, message, 'confirmed') }
        : relay,
    )
    yield {
      name: `${String(message)} of relay ${String(by)} arrives`,
      next: { ...state, frames, relays, arrived: [...state.arrived, message] },
    }
    if (state.relays[by]?.works === false) {
      yield { name: `${String(message)} of relay ${String(by)} is lost`, next: { ...state, frames } }
    }
  }
}

function brokenIn({ keys }: RelayModelOptions, state: RelayState): readonly string[] {
  const { transactions, arrived, atStake } = state
  const first = [...new Set(arrived)]
  const isInverted = first.some((message, index) =>
    first.slice(0, index).some((before) => keys[before] === keys[message] && before > message),
  )
  const isGhost = first.some((message) => transactions[message]?.phase !== 'committed')
  const again = arrived.length - first.length
  return [
    ...(isInverted ? ['order'] : []),
    ...(isGhost ? ['ghost'] : []),
    ...(again > 0 ? ['duplicates'] : []),
    ...(again > atStake ? ['more duplicates than were in flight'] : []),
  ]
}
