import type { HandledOutcome, Logger, Telemetry } from '../src/index.ts'
import {
  silentLogger,
  WaybillError,
  type Delivery,
  type Envelope,
  type SubscribeOptions,
  type Transport,
} from '../src/ports.ts'

/** What a consumer has answered. */
export interface Answer {
  readonly outcome: HandledOutcome
  readonly dead: boolean
  readonly error: unknown
}

/** Brings deliveries one at a time and tells what was answered. */
export interface TestTransport {
  readonly transport: Transport
  readonly logger: Logger
  readonly telemetry: Telemetry
  deliver(envelope: Envelope): Promise<Answer>
}

/** A consumer tells and logs what it keeps, answers, and tells its outcome, in this order. */
export function createTestTransport(logger: Logger = silentLogger): TestTransport {
  const self = {
    onDelivery: null as SubscribeOptions['onDelivery'] | null,
    dead: false,
    error: undefined as unknown,
    answered: (_answer: Answer): void => undefined,
  }
  const subscribe = (options: SubscribeOptions): ReturnType<Transport['subscribe']> => {
    // It has no dead letters of a broker.
    if (options.topology.deadLetters !== true) {
      self.onDelivery = (delivery) => {
        options.onDelivery(delivery)
      }
    }
    return Promise.resolve({
      state: 'consuming',
      stop: () => Promise.resolve(),
      close: () => Promise.resolve(),
    })
  }
  return {
    transport: { openPublisher: refusePublishing, subscribe, close: () => Promise.resolve() },
    logger: {
      ...logger,
      warn(fields, text) {
        self.error = fields['error'] ?? fields['text']
        logger.warn(fields, text)
      },
      error(fields, text) {
        self.error = fields['error'] ?? fields['text'] ?? fields['reason']
        logger.error(fields, text)
      },
    },
    telemetry: {
      kept(_consumer, _type, { state }) {
        self.dead = state === 'dead'
      },
      handled(_consumer, _type, outcome) {
        self.answered({ outcome, dead: self.dead, error: self.error })
      },
    },
    deliver(envelope) {
      self.dead = false
      self.error = undefined
      return new Promise((resolve) => {
        self.answered = resolve
        self.onDelivery?.(deliveryOf(envelope, () => (self.dead = true)))
      })
    },
  }
}

function deliveryOf(envelope: Envelope, onDead: () => void): Delivery {
  return {
    envelope,
    malformed: null,
    exchange: 'test',
    routingKey: envelope.type,
    redelivered: false,
    deliveryCount: 0,
    ack: () => undefined,
    release: () => undefined,
    deadLetter: onDead,
  }
}

function refusePublishing(): never {
  throw new WaybillError('WAYBILL_UNSUPPORTED', {
    problem: 'The transport of a test consumer does not publish.',
  })
}
