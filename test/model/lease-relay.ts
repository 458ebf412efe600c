import {
  GRACE,
  LEASE,
  STOP,
  withStage,
  type Held,
  type LeaseModelOptions,
  type LeaseState,
  type Relay,
  type Steps,
} from './lease-state.ts'

/** A relay at one moment, and what becomes of the state when it changes. */
interface Turn {
  readonly options: LeaseModelOptions
  readonly state: LeaseState
  readonly at: number
  readonly relay: Relay
  readonly name: string
  changed(change: Partial<Relay>, more?: Partial<LeaseState>): LeaseState
}

/**
 * As `lease.ts` has it by the relay's own clock, but for the rule that one who stood still renews first: everything holds
 * without it.
 */
export function mayPublish(options: LeaseModelOptions, { epoch, proof }: Relay): boolean {
  if (epoch === 0) return false
  return options.trustsItself === true || proof > (options.publishesToTheEnd === true ? 0 : STOP)
}

export function* relaySteps(options: LeaseModelOptions, state: LeaseState, at: number): Steps {
  const relay = state.relays[at]
  if (relay === undefined || relay.runs === 'dead') return
  const turn: Turn = {
    ...{ options, state, at, relay, name: `relay ${String(at)}` },
    changed: (change, more = {}) => ({
      ...state,
      ...more,
      relays: state.relays.map((one, index) => (index === at ? { ...one, ...change } : one)),
    }),
  }
  yield* databaseSteps(turn)
  if (relay.runs === 'frozen') {
    const isRead = (one: Held): boolean => relay.connected && one.stage === 'arrived'
    const held = relay.held.map((one): Held => (isRead(one) ? { ...one, stage: 'confirmed' } : one))
    yield { name: `${turn.name} resumes`, next: turn.changed({ runs: 'awake', held }) }
    return
  }
  yield* faultSteps(turn)
  const checked = relay.held.find(({ stage }) => stage === 'checked')
  if (checked !== undefined) {
    yield { name: `${turn.name} sends ${String(checked.message)}`, next: sent(turn, checked) }
    return
  }
  yield* publishingSteps(turn)
  yield* leasingSteps(turn)
}

/** What was handed to the database is done there whatever becomes of who asked. */
function* databaseSteps({ options, state, at, relay, name, changed }: Turn): Steps {
  const { asked, row, late } = relay
  if (asked?.answer === 'none') {
    const isRenewed = row === null ? options.renewsAnew === true : row > 0 || options.renewsLate === true
    const change: Partial<Relay> = isRenewed
      ? { row: LEASE, asked: { ...asked, answer: 'granted' } }
      : { asked: { ago: 0, answer: 'refused' } }
    yield { name: `${name} is renewed or refused`, next: changed(change) }
  }
  if (late > 0) {
    const isMeant = state.owner === at && (options.releasesAnyEpoch === true || state.epoch === late)
    const owner = isMeant ? null : state.owner
    yield { name: `${name} has given back late`, next: changed({ late: 0 }, { owner }) }
  }
}

function* faultSteps({ options, state, at, relay, name, changed }: Turn): Steps {
  if (state.faults === 0 || (relay.epoch === 0 && relay.row === null)) return
  const faults = state.faults - 1
  yield { name: `${name} freezes`, next: changed({ runs: 'frozen' }, { faults }) }
  if (state.relays.every(({ runs }) => runs !== 'dead')) {
    const nothing = { held: [], removals: [], epoch: 0, asked: null, proof: 0 }
    yield { name: `${name} dies`, next: changed({ runs: 'dead', ...nothing }, { faults }) }
  }
  if (relay.epoch > 0 && relay.held.length === 0 && mayPublish(options, relay)) {
    const owner = state.owner === at ? null : state.owner
    const late = options.givesBackLate === true ? relay.epoch : 0
    yield {
      name: `${name} gives its lane back`,
      next: changed({ epoch: 0, row: null, proof: 0, asked: null, late }, { owner, faults }),
    }
  }
}

/** A frame on a connection that the broker has dropped goes nowhere. */
function sent({ state, at, relay, changed }: Turn, { message }: Held): LeaseState {
  const { epoch, connected } = relay
  const frames = connected ? [...state.frames, { by: at, epoch, message }] : state.frames
  return changed({ held: withStage(relay.held, message, 'sent') }, { frames })
}

function* publishingSteps(turn: Turn): Steps {
  const { options, state, at, relay, name, changed } = turn
  const { held, epoch, connected } = relay
  const isOwner = state.owner === at && state.epoch === epoch
  if (connected && isOwner && mayPublish(options, relay)) {
    const isNew = (message: number): boolean => !held.some((one) => one.message === message)
    const news = state.rows.flatMap((row, message) => (row === 'there' && isNew(message) ? [message] : []))
    const all = [...held, ...news.map((message) => ({ message, stage: 'ready' as const }))]
    const next = changed({ held: all.sort((one, other) => one.message - other.message) })
    if (news.length > 0) yield { name: `${name} fetches`, next }
  }
  for (const { message, stage } of held) {
    const text = String(message)
    if (stage === 'ready' && connected && mayPublish(options, relay) && isFirst(turn, message))
      yield {
        name: `${name} is about to send ${text}`,
        next: changed({ held: withStage(held, message, 'checked') }),
      }
    if (stage === 'confirmed') yield { name: `${name} removes ${text}`, next: removed(turn, message) }
  }
  for (const message of relay.removals)
    yield { name: `${name} removes ${String(message)} late`, next: removed(turn, message) }
  if (connected) return
  // What became of those without a confirm is not known: they are fetched again.
  const unknown = held.filter(({ stage }) => stage === 'sent' || stage === 'arrived')
  const kept = unknown.length > 0 ? held.filter(({ stage }) => stage === 'confirmed') : held
  const atStake = state.atStake + unknown.filter(({ stage }) => stage === 'arrived').length
  yield {
    name: `${name} connects again`,
    next: changed({ connected: true, silent: 0, held: kept }, { atStake }),
  }
}

function isFirst({ options: { keys, doesNotWait }, relay }: Turn, message: number): boolean {
  if (doesNotWait === true) return true
  return !relay.held.some(
    (other) =>
      keys[other.message] === keys[message] && other.stage !== 'confirmed' && other.message < message,
  )
}

/** By its message id, so that it hits nothing else, and by whoever was told that it is confirmed. */
function removed({ options, state, at, relay, changed }: Turn, message: number): LeaseState {
  const change = {
    held: relay.held.filter((one) => one.message !== message),
    removals: relay.removals.filter((one) => one !== message),
  }
  const isOwner = state.owner === at && state.epoch === relay.epoch
  if (options.fencesRemovals === true && !isOwner) return changed(change)
  const place = (of: number): number => Math.min(of, state.rows.length - 2)
  const isHit = (of: number): boolean =>
    options.removesByPosition === true ? place(of) === place(message) : of === message
  const rows = state.rows.map((row, of) => (row === 'there' && isHit(of) ? 'gone' : row))
  return changed(change, { rows })
}

function* leasingSteps(turn: Turn): Steps {
  const { options, state, at, relay, name, changed } = turn
  const { epoch, proof, asked, row } = relay
  if (epoch === 0) {
    if (row !== null) {
      const owner = state.owner === at ? null : state.owner
      yield { name: `${name} takes itself off the list`, next: changed({ row: null }, { owner }) }
    } else yield* takeoverSteps(turn)
    return
  }
  if (proof === 0 && options.trustsItself !== true)
    yield { name: `${name} sees that its lease is over`, next: lost(turn) }
  if (asked === null && proof < LEASE)
    yield { name: `${name} asks for a renewal`, next: changed({ asked: { ago: 0, answer: 'none' } }) }
  else if (asked?.answer === 'granted') {
    const granted = options.countsFromAnswer === true ? LEASE : LEASE - asked.ago
    yield {
      name: `${name} is told that it may go on`,
      next: changed({ asked: null, proof: Math.max(proof, granted) }),
    }
  } else if (asked?.answer === 'refused')
    yield { name: `${name} is told that it is too late`, next: lost(turn) }
}

/** The socket is reset and everything forgotten, but for what may be removed whoever owns the lane. */
function lost({ options, state, at, relay, changed }: Turn): LeaseState {
  const confirmed = relay.held.filter(({ stage }) => stage === 'confirmed').map(({ message }) => message)
  const removals = [...new Set([...relay.removals, ...confirmed])].sort((one, other) => one - other)
  const frames = options.alarm === true ? state.frames : state.frames.filter(({ by }) => by !== at)
  const nothing = { held: [], epoch: 0, asked: null, proof: 0, late: 0, connected: true, silent: 0 }
  return changed({ ...nothing, removals }, { frames })
}

/** Who has expired is taken off the list under the lock that its renewal needs, and its lanes are claimed. */
function* takeoverSteps({ options, state, at, name }: Turn): Steps {
  const { owner, rows, arrived, frames, relays } = state
  if (owner === at) return
  const until = owner === null ? null : (relays[owner]?.row ?? null)
  const isOver = until === null || until <= (options.noGrace === true ? 0 : -GRACE)
  const isEarly = !isOver && options.takesOverEarly === true && state.faults > 0
  if (!isOver && !isEarly) return
  const isHandedOver = (message: number): boolean =>
    [...arrived, ...frames.map((frame) => frame.message)].includes(message) ||
    relays.some(({ held }) => held.some((one) => one.message === message && one.stage !== 'ready'))
  const epoch = state.epoch + 1
  yield {
    name: `${name} takes over`,
    next: {
      ...{ ...state, owner: at, epoch, faults: isEarly ? state.faults - 1 : state.faults },
      atStake: state.atStake + rows.filter((row, message) => row === 'there' && isHandedOver(message)).length,
      relays: relays.map((one, index) => {
        if (index === at) return { ...one, epoch, row: LEASE, proof: LEASE }
        return index === owner ? { ...one, row: null } : one
      }),
    },
  }
}
