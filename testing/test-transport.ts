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

/**
 * A consumer tells and at once logs what it keeps, then answers, and at once tells its outcome. What it does on its own
 * meanwhile, trying again what it has kept, has no answer, and is no first attempt.
 */
export function createTestTransport(logger: Logger = silentLogger): TestTransport {
  const self = {
    ...untold,
    onDelivery: null as SubscribeOptions['onDelivery'] | null,
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
  /** What handlers log is no reason of the consumer. */
  const note = (fields: Readonly<Record<string, unknown>>): void => {
    const { kept } = self
    self.kept = null
    if (kept === null ? !self.isAnswered : fields['attempts'] !== 1) return
    self.dead ||= kept === 'dead'
    self.error = fields['error'] ?? fields['text'] ?? fields['reason']
  }
  return {
    transport: { openPublisher: refusePublishing, subscribe, close: () => Promise.resolve() },
    logger: {
      ...logger,
      warn(fields, text) {
        note(fields)
        logger.warn(fields, text)
      },
      error(fields, text) {
        note(fields)
        logger.error(fields, text)
      },
    },
    telemetry: {
      kept(_consumer, _type, { state }) {
        self.kept = state
      },
      handled(_consumer, _type, { outcome }) {
        if (!self.isAnswered) return
        self.isAnswered = false
        self.answered({ outcome, dead: self.dead, error: self.error })
      },
    },
    deliver(envelope) {
      Object.assign(self, untold)
      return new Promise((resolve) => {
        self.answered = resolve
        self.onDelivery?.(
          deliveryOf(envelope, (isDead) => {
            self.isAnswered = true
            self.dead ||= isDead
          }),
        )
      })
    },
  }
}

/** What is known of a delivery before anything is. */
const untold = {
  dead: false,
  error: undefined as unknown,
  isAnswered: false,
  /** What the consumer is about to log. */
  kept: null as 'retry' | 'dead' | null,
}

function deliveryOf(envelope: Envelope, onAnswer: (isDead: boolean) => void): Delivery {
  return {
    envelope,
    malformed: null,
    exchange: 'test',
    routingKey: envelope.type,
    redelivered: false,
    deliveryCount: 0,
    ack: () => {
      onAnswer(false)
    },
    release: () => {
      onAnswer(false)
    },
    deadLetter: () => {
      onAnswer(true)
    },
  }
}

function refusePublishing(): never {
  throw new WaybillError('WAYBILL_UNSUPPORTED', {
    problem: 'The transport of a test consumer does not publish.',
  })
}
