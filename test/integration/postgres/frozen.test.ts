import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { pgPool } from '../../../adapters/pg/index.ts'
import { createRelayStore } from '../../../adapters/postgres/index.ts'
import { beforeStatement, createSetting, insert, insertAt, LEAF_RUN, type Setting } from './setting.ts'

/** Freezes whoever comes to `statement` inside a transaction, as a stopped process does: its connection stays open. */
function frozenAt({ pool }: Setting, statement: RegExp) {
  let thaw: () => void = () => undefined
  let reached: () => void = () => undefined
  const frozen = new Promise<void>((resolve) => (thaw = resolve))
  const arrived = new Promise<void>((resolve) => (reached = resolve))
  const store = createRelayStore(
    beforeStatement(pgPool(pool), statement, () => {
      reached()
      return frozen
    }),
  )
  return { store, arrived, thaw }
}

async function register(setting: Setting): Promise<string> {
  const relayId = randomUUID()
  await setting.store.register({ relayId, host: 'tests', schemaVersion: 1 }, 60_000)
  return relayId
}

test('a relay that is frozen while it shares out lanes does not keep the others from it', async () => {
  await using setting = await createSetting()
  const frozen = frozenAt(setting, /delete from .*relay/s)
  const [first, second] = [await register(setting), await register(setting)]
  const stuck = frozen.store.rebalance(first, 1000).catch((error: unknown) => error)
  await frozen.arrived

  const shared = await setting.store.rebalance(second, 1000)
  expect(shared?.owned).toHaveLength(8)

  frozen.thaw()
  expect(await stuck).toBeInstanceOf(Error)
})

test('a relay that is frozen while it empties a leaf does not keep writers and readers off it', async () => {
  await using setting = await createSetting()
  await insertAt(setting.pool, 2 * LEAF_RUN + 1)
  await setting.pool.query('delete from waybill.outbox')
  const frozen = frozenAt(setting, /^truncate/)
  const stuck = frozen.store.rotate({ burn: false }).catch((error: unknown) => error)
  await frozen.arrived

  await insert(setting.pool)
  const { rows } = await setting.pool.query('select from waybill.outbox')
  expect(rows).toHaveLength(1)

  frozen.thaw()
  expect(await stuck).toBeInstanceOf(Error)
})
