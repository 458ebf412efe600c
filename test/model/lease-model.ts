import type { Model } from './explore.ts'
import { mayPublish, relaySteps } from './lease-relay.ts'
import {
  GRACE,
  HEARTBEAT,
  LEASE,
  withStage,
  type Frame,
  type LeaseModelOptions,
  type LeaseState,
  type Relay,
  type Steps,
} from './lease-state.ts'

const NEW: Relay = {
  ...{ runs: 'awake', row: null, proof: 0, asked: null, epoch: 0 },
  ...{ held: [], removals: [], connected: true, silent: 0, late: 0 },
}

/** One lane whose records are all there, and two relays that take it from one another; what they fetch is the other model's. */
export function leaseModel(options: LeaseModelOptions): Model<LeaseState> {
  const { keys, failsOver = false } = options
  const last = keys.length - 1
  return {
    initial: {
      rows: keys.map((_, message) => (failsOver && message === last ? 'not yet' : 'there')),
      ...{ owner: 0, epoch: 1, relays: [{ ...NEW, row: LEASE, proof: LEASE, epoch: 1 }, NEW] },
      ...{ frames: [], arrived: [], repeats: false, atStake: 0, heard: 0, isLate: false },
      ...{ faults: options.faults, failed: false },
    },
    *steps(state) {
      yield* timeSteps(options, state)
      for (const at of state.relays.keys()) yield* relaySteps(options, state, at)
      for (const frame of state.frames) yield* frameSteps(options, state, frame)
      if (failsOver && !state.failed) yield* failoverSteps(state)
    },
    broken: (state) => brokenIn(options, state),
    isDone: ({ rows, arrived, failed }) =>
      failed === failsOver &&
      rows.every(
        (row, message) => row === 'gone' && (arrived.includes(message) || (failed && message === last - 1)),
      ),
  }
}

/** Who is awake has sent what it was about to send, and has noticed that its lease is over, before the clock goes on. */
function* timeSteps(options: LeaseModelOptions, state: LeaseState): Steps {
  const awake = state.relays.filter(({ runs }) => runs === 'awake')
  const isBusy = ({ held, epoch, proof }: Relay): boolean =>
    held.some(({ stage }) => stage === 'checked') ||
    (epoch > 0 && proof === 0 && options.trustsItself !== true)
  if (awake.some(isBusy)) return
  const lapsing = awake.filter(({ epoch, row, proof }) => epoch > 0 && (row === 1 || proof === 1))
  if (lapsing.length > state.faults) return
  const relays = state.relays.map((relay, at) => older(options, relay, isHeardOf(state, at)))
  yield {
    name: 'time goes on',
    next: {
      ...state,
      relays,
      frames: state.frames.filter(({ by }) => relays[by]?.connected === true),
      faults: state.faults - lapsing.length,
    },
  }
}

/** Of a connection with nothing on it that matters. */
function isHeardOf({ frames, relays }: LeaseState, at: number): boolean {
  const relay = relays[at]
  const isIdle = relay?.held.every(({ stage }) => stage === 'ready' || stage === 'confirmed') === true
  return (relay?.runs === 'awake' || isIdle) && !frames.some(({ by }) => by === at)
}

function older(options: LeaseModelOptions, relay: Relay, isHeard: boolean): Relay {
  const { runs, row, proof, asked } = relay
  const silent = isHeard ? 0 : Math.min(relay.silent + 1, HEARTBEAT)
  const later = { ...relay, silent, row: row === null ? null : Math.max(row - 1, -GRACE) }
  if (options.alarm !== true && silent === HEARTBEAT) later.connected = false
  if (options.clockStops === true && runs === 'frozen') return later
  return {
    ...later,
    proof: Math.max(proof - 1, 0),
    asked:
      asked === null || asked.answer === 'refused'
        ? asked
        : { ...asked, ago: Math.min(asked.ago + 1, LEASE) },
  }
}

/** What is on its way arrives in the order of its connection, or never when that is no more. */
function* frameSteps({ alarm }: LeaseModelOptions, state: LeaseState, frame: Frame): Steps {
  const { by, epoch, message } = frame
  const first = state.frames.find((other) => other.by === by && other.epoch === epoch)
  if (first !== frame) return
  const name = `${String(message)} of relay ${String(by)}`
  const frames = state.frames.filter((other) => other !== frame)
  const isAgain = state.arrived.includes(message)
  yield {
    name: `${name} arrives`,
    next: {
      ...{
        ...state,
        frames,
        relays: state.relays.map((relay, at) => (at === by ? heard(relay, frame) : relay)),
      },
      ...{ heard: Math.max(state.heard, epoch), isLate: state.isLate || epoch < state.heard },
      arrived: isAgain ? state.arrived : [...state.arrived, message],
      repeats: state.repeats || isAgain,
      atStake: isAgain ? Math.max(state.atStake - 1, -1) : state.atStake,
    },
  }
  if (alarm === true && state.relays[by]?.epoch !== epoch)
    yield { name: `${name} is lost`, next: { ...state, frames } }
}

function heard(relay: Relay, { epoch, message }: Frame): Relay {
  if (relay.epoch !== epoch) return relay
  return {
    ...relay,
    silent: 0,
    held: withStage(relay.held, message, relay.runs === 'awake' ? 'confirmed' : 'arrived'),
  }
}

/** The removals of the last moment may be forgotten as well. */
function* failoverSteps(state: LeaseState): Steps {
  const last = state.rows.length - 1
  for (const forgets of [false, true]) {
    const isBack = (row: string, message: number): boolean => forgets && row === 'gone' && message < last - 1
    yield {
      name: forgets ? 'the database fails over and forgets removals' : 'the database fails over',
      next: {
        ...{ ...state, failed: true },
        rows: state.rows.map((row, message) =>
          message === last || isBack(row, message) ? 'there' : message === last - 1 ? 'gone' : row,
        ),
        atStake: state.atStake + state.rows.filter(isBack).length,
      },
    }
  }
}

function brokenIn(options: LeaseModelOptions, state: LeaseState): readonly string[] {
  const { keys } = options
  const { arrived, repeats, relays, isLate, atStake } = state
  const isInverted = arrived.some((message, index) =>
    arrived.slice(0, index).some((before) => keys[before] === keys[message] && before > message),
  )
  const owners = relays.filter((relay) => relay.runs === 'awake' && mayPublish(options, relay))
  return [
    ...(isInverted ? ['order'] : []),
    ...(repeats ? ['duplicates'] : []),
    ...(atStake < 0 ? ['more duplicates than were in flight'] : []),
    ...(owners.length > 1 ? ['two owners'] : []),
    ...(isLate ? ['late frames'] : []),
  ]
}
