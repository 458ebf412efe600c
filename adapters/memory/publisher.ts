import type {
  OutgoingMessage,
  Publisher,
  PublisherListener,
  PublisherState,
  PublishOutcome,
} from '../../src/ports.ts'
import type { BrokerInside } from './broker.ts'

interface InFlight {
  readonly message: OutgoingMessage
  readonly outcome: PublishOutcome
}

/** Outcomes come later and in order, as those of a broker do. */
export function openMemoryPublisher(broker: BrokerInside, listener: PublisherListener): Publisher {
  const inFlight: InFlight[] = []
  /** Outcomes of messages that never reached the broker; owed whatever becomes of the connection. */
  const owed: InFlight[] = []
  const idle: (() => void)[] = []
  const self = { state: 'connecting' as PublisherState, closing: false, scheduled: false }
  const { faultState } = broker

  const become = (state: PublisherState): void => {
    if (self.state === state || self.state === 'closed') return
    self.state = state
    listener.onState(state)
  }
  const tell = (told: readonly InFlight[]): void => {
    for (const { message, outcome } of told) listener.onOutcome(message, outcome)
  }
  const later = (): void => {
    if (self.scheduled) return
    self.scheduled = true
    setImmediate(() => {
      self.scheduled = false
      tell(owed.splice(0))
      if (!faultState.confirmsHeld) tell(inFlight.splice(0))
      if (inFlight.length + owed.length === 0) for (const resolve of idle.splice(0)) resolve()
      if (self.state !== 'closed' && !faultState.isDown) become(faultState.isBlocked ? 'blocked' : 'ready')
    })
  }
  const failInFlight = (): void => {
    const error = new Error('The connection to the memory broker was dropped on purpose.')
    tell(owed.splice(0))
    tell(inFlight.splice(0).map(({ message }) => ({ message, outcome: { kind: 'unknown', error } })))
  }
  const drop = (): void => {
    if (self.state === 'closed') return
    failInFlight()
    become('connecting')
    later()
  }
  const disconnect = faultState.connect({ drop, changed: later })
  later()

  return {
    get state() {
      return self.state
    },
    publish(message) {
      if (self.state === 'ready' && !self.closing) inFlight.push({ message, outcome: send(broker, message) })
      else owed.push({ message, outcome: notReady(self.state) })
      later()
    },
    reset: drop,
    async close() {
      self.closing = true
      if (inFlight.length + owed.length > 0 && !faultState.confirmsHeld && self.state !== 'closed') {
        await new Promise<void>((resolve) => idle.push(resolve))
      }
      disconnect()
      failInFlight()
      become('closed')
    },
  }
}

function send(broker: BrokerInside, message: OutgoingMessage): PublishOutcome {
  const { exchange } = message
  const error = new Error(`Publishing to ${exchange} fails on purpose.`)
  if (broker.faultState.isGated(exchange)) return { kind: 'gated', error }
  if (broker.faultState.isRefused(exchange)) return { kind: 'refused', error }
  return { kind: broker.route(message) === 'routed' ? 'confirmed' : 'unroutable' }
}

function notReady(state: PublisherState): PublishOutcome {
  return { kind: 'unknown', error: new Error(`The publisher was ${state}, so nothing was sent.`) }
}
