import { compare, type Row } from './measure.ts'
import { capture, declareQueue, drainBacklog, publishRaw, WINDOW } from './relay.ts'
import type { Setting } from './setting.ts'

/**
 * Messages of one single key. In strict order each waits for the confirm of the one before it, as with a hand-written
 * publisher that sends one at a time; pipelined they are held against one that does not wait.
 */
export async function benchHotKey(setting: Setting): Promise<Row[]> {
  const count = Math.round(12_000 * setting.scale)
  const channel = await declareQueue(setting)
  await drainBacklog(setting, count, { keys: 1 })
  const captured = await capture(setting, count)
  const against = (window: number, order: 'strict' | 'pipelined'): Promise<Row[]> =>
    compare({
      bench: 'hot key',
      unit: 'messages/s',
      rounds: 3,
      variants: [
        {
          name: window === 1 ? 'raw amqplib, one at a time' : `raw amqplib, window ${String(window)}`,
          run: () => publishRaw(setting, captured, window),
        },
        { name: order, run: () => drainBacklog(setting, count, { keys: 1, options: { order } }) },
      ],
    })
  const rows = [...(await against(1, 'strict')), ...(await against(WINDOW, 'pipelined'))]
  await channel.close()
  return rows
}
