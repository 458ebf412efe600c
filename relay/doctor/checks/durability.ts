import type { DatabaseFacts } from '../../compose.ts'
import { ok, warning, type Check } from '../check.ts'

export const durability: Check<DatabaseFacts> = {
  code: 'DATABASE_DURABILITY',
  wanted: 'Commits that outlive a crash: fsync, full_page_writes and synchronous_commit are on.',
  remedy:
    'Switch them on. Otherwise a crash can lose what was committed: a message that a consumer has acknowledged, say.',
  worst: 'warning',
  look: ({ server }) => {
    const off = [
      ...(server.fsync ? [] : ['fsync']),
      ...(server.fullPageWrites ? [] : ['full_page_writes']),
      ...(server.synchronousCommit === 'off' ? ['synchronous_commit'] : []),
    ]
    return off.length === 0 ? ok('All of them are on.') : warning(`Off: ${off.join(', ')}.`)
  },
}
