import type {
  OutgoingMessage,
  Publisher,
  PublisherListener,
  PublisherState,
  PublishOutcome,
  Transport,
} from '../../../src/ports.ts'

/** A broker that notes what reached it, and answers as a test wants it to. */
export interface RecordingBroker {
  /** Everything that arrived, confirmed or not, in order of arrival. */
  readonly arrived: OutgoingMessage[]
  /** What becomes of a message; null takes it and never answers. Default: confirmed. */
  answer: (message: OutgoingMessage) => PublishOutcome | null
  /** How many times a relay has killed its connection. */
  resets: number
  transport(): RecordingTransport
}

export interface RecordingTransport extends Transport {
  /** Ends the connection; it comes back by itself unless the broker is kept away. */
  drop(): void
  setAway(isAway: boolean): void
  /** The process is gone: nothing arrives and nothing is answered any more. */
  cut(): void
}

const UNKNOWN: PublishOutcome = { kind: 'unknown', error: new Error('The connection was lost.') }

export function createRecordingBroker(): RecordingBroker {
  const broker: RecordingBroker = {
    arrived: [],
    answer: () => ({ kind: 'confirmed' }),
    resets: 0,
    transport: () => openTransport(broker),
  }
  return broker
}

function openTransport(broker: RecordingBroker): RecordingTransport {
  const links: Link[] = []
  return {
    openPublisher(listener) {
      const link = createLink(broker, listener)
      links.push(link)
      return link.publisher
    },
    subscribe: () => Promise.reject(new Error('Nobody consumes here.')),
    close: () => Promise.resolve(),
    drop() {
      for (const link of links) link.drop()
    },
    setAway(isAway) {
      for (const link of links) link.setAway(isAway)
    },
    cut() {
      for (const link of links) link.cut()
    },
  }
}

interface Link {
  readonly publisher: Publisher
  drop(): void
  setAway(isAway: boolean): void
  cut(): void
}

function createLink(broker: RecordingBroker, listener: PublisherListener): Link {
  let state: PublisherState = 'connecting'
  let isAway = false
  let isCut = false
  let isScheduled = false
  let pending: { readonly message: OutgoingMessage; readonly outcome: PublishOutcome | null }[] = []

  const become = (next: PublisherState): void => {
    if (state === next || isCut) return
    state = next
    listener.onState(next)
  }
  const later = (): void => {
    if (isScheduled) return
    isScheduled = true
    setImmediate(() => {
      isScheduled = false
      if (isCut) return
      const told = pending.filter(({ outcome }) => outcome !== null)
      pending = pending.filter(({ outcome }) => outcome === null)
      for (const { message, outcome } of told) if (outcome !== null) listener.onOutcome(message, outcome)
      if (!isAway && state === 'connecting') become('ready')
    })
  }
  const drop = (): void => {
    const lost = pending
    pending = []
    for (const { message } of lost) if (!isCut) listener.onOutcome(message, UNKNOWN)
    become('connecting')
    later()
  }
  later()
  return {
    publisher: {
      get state() {
        return state
      },
      publish(message) {
        if (isCut) return
        if (state !== 'ready') pending.push({ message, outcome: UNKNOWN })
        else {
          // As it is now: once it is confirmed its sender gives the body up.
          const arrived = { ...message }
          broker.arrived.push(arrived)
          pending.push({ message, outcome: broker.answer(arrived) })
        }
        later()
      },
      reset() {
        broker.resets += 1
        drop()
      },
      close() {
        drop()
        become('closed')
        return Promise.resolve()
      },
    },
    drop,
    setAway(away) {
      isAway = away
      if (away) drop()
      else later()
    },
    cut() {
      isCut = true
    },
  }
}
