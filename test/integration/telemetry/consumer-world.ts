import { METRICS } from '../../../src/ports.ts'
import { createWorld, type Options, type Running, type World } from '../consuming/world.ts'
import { createMeter, type Meter } from './meter.ts'

export interface MeteredConsumer extends Running, Meter {
  /** How its deliveries of a type were answered, as `handled 3, failed 1`. */
  answered(type?: string): Promise<string>
}

export interface ConsumerWorld extends World {
  /** A consumer, and what its metrics say. */
  meter(options?: Options): Promise<MeteredConsumer>
}

export const BILLING = { consumer: 'billing' }
export const PLACED = { ...BILLING, type: 'order.placed' }

export async function createConsumerWorld(): Promise<ConsumerWorld> {
  const world = await createWorld()
  return {
    ...world,
    async meter(options = {}) {
      const meter = createMeter()
      const running = await world.consume({ ...options, telemetry: meter.telemetry })
      return {
        ...{ ...running, ...meter },
        answered: (type = 'order.placed') => answeredOf(meter, type),
      }
    },
  }
}

async function answeredOf({ value }: Meter, type: string): Promise<string> {
  const { outcome: outcomes } = METRICS.inbox_processed_messages_total.values
  const each = outcomes.map(async (outcome) => {
    const count = (await value('inbox_processed_messages_total', { ...BILLING, type, outcome })) ?? 0
    return count === 0 ? [] : [`${outcome} ${String(count)}`]
  })
  return (await Promise.all(each)).flat().join(', ')
}
