import { expect, it } from 'vitest'
import { isPrompt, LEASE_MS, roll } from '../rolling/roll.ts'
import { createTestVhost } from '../support/broker.ts'
import { createTestDatabase } from '../support/database.ts'

it('restarts of all relays and consumers in turn lose, repeat and reorder nothing, and cost no two seconds', async () => {
  await using database = await createTestDatabase()
  await using vhost = await createTestVhost()
  const report = await roll({ databaseUrl: database.url, amqpUrl: vhost.url, seconds: 20 })
  expect(report).toMatchObject({ violations: [], failedStops: [] })
  // Nobody crashed, so nothing was even published twice.
  expect(report.duplicates).toBe(0)
  expect(Object.values(report.restarts)).toHaveLength(5)
  expect(Math.min(...Object.values(report.restarts))).toBeGreaterThanOrEqual(1)
  expect(report).toSatisfy(isPrompt)
  // Lanes were handed over: nobody had to wait for a lease to run out.
  expect(report.longestWaitMs).toBeLessThan(LEASE_MS)
})
