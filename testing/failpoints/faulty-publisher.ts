import type {
  OutgoingMessage,
  Publisher,
  PublisherListener,
  PublisherState,
  Transport,
} from '../../src/ports.ts'
import { brokerGone, type Instance } from './instance.ts'

interface State {
  readonly listener: PublisherListener
  readonly instance: Instance
  told: PublisherState
  /** Of the inner publisher. */
  inner: PublisherState
  isDown: boolean
  /** Confirmed by the broker, which nobody is to hear. */
  readonly withheld: OutgoingMessage[]
  /** Given while a failpoint kept the publisher from taking them. */
  readonly refused: OutgoingMessage[]
}

/** A publisher of the inner transport whose connection is lost, blocked or away when a failpoint says so. */
export function openFaultyPublisher(
  transport: Transport,
  listener: PublisherListener,
  instance: Instance,
): Publisher {
  const { points } = instance
  const state: State = {
    ...{ listener, instance, withheld: [], refused: [] },
    ...{ told: 'connecting', inner: 'connecting', isDown: false },
  }
  const lose = (): void => {
    tellOwed(state)
    publisher.reset()
  }
  const changed = (): void => {
    const wasDown = state.isDown
    state.isDown = points.isArmed('broker-unavailable')
    if (state.isDown && !wasDown) {
      points.take('broker-unavailable', undefined)
      lose()
    }
    tell(state)
  }
  const ends = [points.onChange(changed), instance.onCrash(lose)]

  const publisher = transport.openPublisher({
    onOutcome(message, outcome) {
      if (outcome.kind !== 'confirmed' || points.take('lost-confirm', message) === null) {
        listener.onOutcome(message, outcome)
        return
      }
      state.withheld.push(message)
      // Not from inside of the telling: what was confirmed before is told first.
      if (state.withheld.length === 1) setImmediate(lose)
    },
    onState(next) {
      state.inner = next
      tell(state)
      if (next === 'closed') for (const end of ends) end()
    },
  })
  changed()

  return {
    get state() {
      return state.told
    },
    publish(message) {
      if (state.told === state.inner) publisher.publish(message)
      else refuse(state, message)
    },
    reset: lose,
    close: () => publisher.close(),
  }
}

function stateOf({ inner, isDown, instance }: State): PublisherState {
  if (inner === 'closed') return 'closed'
  if (isDown) return 'connecting'
  return inner === 'ready' && instance.points.isArmed('blocked-broker') ? 'blocked' : inner
}

function tell(state: State): void {
  const next = stateOf(state)
  if (next === state.told || state.told === 'closed') return
  if (next === 'connecting' || next === 'closed') tellOwed(state)
  state.told = next
  if (next === 'blocked' && state.inner === 'ready') state.instance.points.take('blocked-broker', undefined)
  state.listener.onState(next)
}

function refuse(state: State, message: OutgoingMessage): void {
  state.refused.push(message)
  if (state.refused.length > 1) return
  setImmediate(() => {
    tellOwed(state)
  })
}

function tellOwed(state: State): void {
  const { withheld, refused } = state
  tellUnknown(state, withheld, brokerGone('lost-confirm', 'The connection was lost before the confirm.'))
  const failpoint = state.isDown ? 'broker-unavailable' : 'blocked-broker'
  tellUnknown(state, refused, brokerGone(failpoint, 'The publisher takes no messages on purpose.'))
}

function tellUnknown({ listener }: State, messages: OutgoingMessage[], error: Error): void {
  for (const message of messages.splice(0)) listener.onOutcome(message, { kind: 'unknown', error })
}
