import { eventually } from '../support/eventually.ts'
import { totalOf } from './facts.ts'
import type { Scene } from './scene.ts'
import type { Running } from './stage.ts'
import { sum } from './watch.ts'

/** How many deliveries the consumers knew already. */
export const known = (scene: Scene): Promise<number> =>
  totalOf(scene, 'consumer', (sample) => sum(sample, 'inbox_processed_messages_total', 'outcome="duplicate"'))

/** Waits until somebody is connected again and has handled more. */
export async function goesOn(scene: Scene): Promise<void> {
  const consumer = scene.first('consumer')
  const handled = 'inbox_processed_messages_total'
  const before = sum(await scene.sample(consumer), handled)
  await scene.says(
    consumer,
    (sample) => sum(sample, 'inbox_consumer_connected') === 1 && sum(sample, handled) > before + 20,
    60_000,
  )
}

/** Waits until a handler runs in the process. */
export const handles = (scene: Scene, consumer: Running): Promise<unknown> =>
  scene.says(consumer, (sample) => sum(sample, 'inbox_inflight_messages') > 0)

/** Waits until the effect of everything that was placed has happened. */
export async function goesQuiet(scene: Scene): Promise<void> {
  const { pool } = scene.stage
  await eventually(async () => {
    const { rows } = await pool.query<{ open: number }>(
      'select (select count(*) from placed)::int - (select count(*) from effect)::int as open',
    )
    return rows[0]?.open === 0
  })
}
