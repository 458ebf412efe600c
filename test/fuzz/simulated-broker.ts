import type {
  OutgoingMessage,
  Publisher,
  PublisherListener,
  PublisherState,
  PublishOutcome,
  Transport,
} from '../../src/ports.ts'
import type { History } from './history.ts'
import type { Random } from './random.ts'

/**
 * A broker that only keeps the order in which messages arrive, with the ways a real one goes wrong: late
 * confirms, connections that end with messages on the way, exchanges that refuse for a while.
 */
export interface SimulatedBroker {
  connect(relay: string, random: Random, watcher: ConnectionWatcher): SimulatedConnection
  /** Takes an exchange away or brings it back. */
  setGated(exchange: string, gated: boolean): void
}

export interface ConnectionWatcher {
  onSent(messageId: string): void
  /** The relay itself has reset the connection. */
  onReset(): void
}

export interface SimulatedConnection {
  readonly transport: Transport
  /** The process is gone: what it sent arrives, nothing is answered, and nothing more is taken. */
  cut(): void
  /** The network resets the connection: some of what was sent has arrived, nothing of the rest will. */
  drop(): void
  /** While frozen, answers wait. */
  setFrozen(frozen: boolean): void
}

interface Flight {
  readonly message: OutgoingMessage
  arrived: boolean
}

export function createSimulatedBroker(history: History): SimulatedBroker {
  const gated = new Set<string>()
  return {
    setGated(exchange, isGated) {
      if (isGated) gated.add(exchange)
      else gated.delete(exchange)
    },
    connect: (relay, random, watcher) => connect({ history, gated, relay, random, watcher }),
  }
}

interface ConnectionParts {
  readonly history: History
  readonly gated: ReadonlySet<string>
  readonly relay: string
  readonly random: Random
  readonly watcher: ConnectionWatcher
}

function connect({ history, gated, relay, random, watcher }: ConnectionParts): SimulatedConnection {
  let listener: PublisherListener | undefined
  let state: PublisherState = 'connecting'
  let flights = new Set<Flight>()
  /** Messages on their way, in order: one link, so a later one never arrives before an earlier one. */
  let link: Flight[] = []
  let alive = true
  let frozen = false
  const held: (() => void)[] = []

  const tell = (action: () => void): void => {
    if (!alive) return
    if (frozen) held.push(action)
    else action()
  }
  const setState = (next: PublisherState): void => {
    state = next
    listener?.onState(next)
  }
  const answer = (flight: Flight, outcome: PublishOutcome): void => {
    if (flights.delete(flight)) listener?.onOutcome(flight.message, outcome)
  }
  const arrive = (flight: Flight): void => {
    if (gated.has(flight.message.exchange)) {
      tell(() => {
        answer(flight, { kind: 'gated', error: new Error(`no exchange ${flight.message.exchange}`) })
      })
      return
    }
    flight.arrived = true
    history.arrivals.push({ messageId: flight.message.messageId, relay })
    setTimeout(
      () => {
        tell(() => {
          answer(flight, { kind: 'confirmed' })
        })
      },
      random.between(0, 4),
    )
  }
  const deliver = (): void => {
    const arriving = link
    link = []
    for (const flight of arriving) arrive(flight)
  }
  const lose = (): void => {
    link = []
    const lost = flights
    flights = new Set()
    for (const { message } of lost)
      listener?.onOutcome(message, { kind: 'unknown', error: new Error('connection lost') })
    setState('connecting')
    setTimeout(
      () => {
        tell(() => {
          if (state === 'connecting') setState('ready')
        })
      },
      random.between(1, 30),
    )
  }

  const publisher: Publisher = {
    get state() {
      return state
    },
    publish(message) {
      if (!alive) return
      const flight: Flight = { message, arrived: false }
      flights.add(flight)
      if (state !== 'ready') {
        queueMicrotask(() => {
          answer(flight, { kind: 'unknown', error: new Error(`publisher is ${state}`) })
        })
        return
      }
      watcher.onSent(message.messageId)
      link.push(flight)
      if (link.length === 1) setTimeout(deliver, random.between(0, 3))
    },
    reset() {
      if (!alive) return
      watcher.onReset()
      lose()
    },
    async close() {
      while (alive && flights.size > 0) await new Promise((resolve) => setTimeout(resolve, 2))
      if (alive) setState('closed')
    },
  }

  const transport: Transport = {
    openPublisher(given) {
      listener = given
      setTimeout(() => {
        tell(() => {
          setState('ready')
        })
      }, 1)
      return publisher
    },
    subscribe: () => Promise.reject(new Error('The simulated broker has no queues.')),
    close: () => publisher.close(),
  }

  return {
    transport,
    cut() {
      alive = false
      deliver()
    },
    drop() {
      if (!alive) return
      const arriving = link.splice(0, random.between(0, link.length))
      for (const flight of arriving) arrive(flight)
      tell(lose)
    },
    setFrozen(isFrozen) {
      frozen = isFrozen
      if (!isFrozen) for (const action of held.splice(0)) action()
    },
  }
}
