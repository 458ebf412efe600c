import { drain } from '../../bench/backlog.ts'
import { declareQueue } from '../../bench/relay.ts'
import { withSetting } from '../../bench/setting.ts'

/** Beside what a process takes that has just started. */
export const MOST_MEMORY_MIB = 300

/** The most memory of a relay, in MiB, until as many messages have left while vacuum is blocked and a writer stays open. */
export function mostMemoryOf(records: number): Promise<number> {
  return withSetting(1, async (setting) => {
    const channel = await declareQueue(setting, 100)
    const { memory } = await drain(setting, { records, bytes: 250 })
    await channel.close()
    return memory
  })
}
