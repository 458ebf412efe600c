import { randomUUID } from 'node:crypto'
import {
  memoryBroker,
  memoryDatabase,
  memoryTransport,
  type MemoryBroker,
  type MemoryDatabase,
  type MemoryTransaction,
} from '../../../../adapters/memory/index.ts'
import {
  createConsumer,
  defineMessages,
  messageType,
  type Consumer,
  type ConsumerOptions,
} from '../../../../src/index.ts'
import { slotOf, type HandledOutcome } from '../../../../src/ports.ts'
import type { createFakeClock } from '../../../support/fake-clock.ts'
import { recordLog, turns, type LogLine } from '../setup.ts'

const messages = defineMessages(
  {
    'stock.moved': messageType<{ n: number }>({ partitioned: true }),
    'stock.counted': messageType<{ n: number }>({ partitioned: true }),
    'stock.viewed': messageType<{ n: number }>(),
  },
  { source: 'stock' },
)
export type Messages = typeof messages
export type Options = Partial<ConsumerOptions<Messages, MemoryTransaction>>

/** What one message of a key does: adds its number to the list of its key. */
export async function append(key: string, n: number, tx: MemoryTransaction): Promise<void> {
  const row = await tx.get('list', key)
  await tx.put('list', key, { key, numbers: [...((row?.['numbers'] as number[] | undefined) ?? []), n] })
}

export interface Bench {
  readonly database: MemoryDatabase
  readonly broker: MemoryBroker
  readonly log: LogLine[]
  readonly outcomes: HandledOutcome[]
  /** Telemetry of what was kept: reason and state. */
  readonly kept: string[]
  /** How often a key was full. */
  readonly full: string[]
  /** Another instance of the consumer, not started. */
  instance(options?: Options): Consumer
  /** Publishes a message. Without a type it is `stock.moved`. */
  move(key: string | null, n: number, type?: string): void
  /** What was committed, by key. */
  lists(): Record<string, number[]>
}

export function setup(shared: Options = {}): Bench {
  const { clock } = shared
  const database = memoryDatabase(clock === undefined ? {} : { clock })
  const broker = memoryBroker()
  const { logger, log } = recordLog()
  const outcomes: HandledOutcome[] = []
  const kept: string[] = []
  const full: string[] = []
  return {
    database,
    broker,
    log,
    outcomes,
    kept,
    full,
    instance: (options = {}) =>
      createConsumer<Messages, MemoryTransaction>({
        name: 'stock-list',
        mode: 'key',
        partitions: 4,
        messages,
        database,
        transport: memoryTransport({ broker }),
        handlers: { 'stock.moved': ({ key, payload }, { tx }) => append(key ?? 'none', payload.n, tx) },
        telemetry: {
          handled: (_name, _type, { outcome }) => void outcomes.push(outcome),
          kept: (_name, _type, { reason, state }) => void kept.push(`${state} ${reason}`),
          keyFull: (_name, type) => void full.push(type),
        },
        logger,
        ...shared,
        ...options,
      }),
    move(key, n, type = 'stock.moved') {
      const messageId = randomUUID()
      broker.publish({
        ...{ messageId, type, source: 'stock', version: 1, key, correlationId: null, causationId: null },
        ...{ createdAt: 0, contentType: 'application/json', headers: {} },
        body: Buffer.from(JSON.stringify({ n })),
        ...{ exchange: 'stock.events', routingKey: 'stock.moved', slot: slotOf(key, messageId) },
      })
    },
    lists: () =>
      Object.fromEntries(
        [...database.rows('list')].map((row) => [String(row['key']), row['numbers'] as number[]]),
      ),
  }
}

/** Lets time go by, and all that happens in it. */
export async function pass(
  clock: ReturnType<typeof createFakeClock>,
  ms: number,
  stepMs: number,
): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    await clock.advance(stepMs)
    await turns(3)
  }
  await turns()
}

export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)
