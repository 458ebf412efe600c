import { expect, test } from 'vitest'
import { createReader } from '../../../testing/contracts/relay-store-reader.ts'
import { createSetting, insert } from './setting.ts'

test('what waits behind a parked record is counted up to a bound, and is then at least that many', async () => {
  await using setting = await createSetting()
  const { pool, store } = setting
  await insert(pool, { key: 'a' })
  const reader = await createReader(store)
  const refused = { reason: 'rejected', error: '', attempts: 1, retryInMs: null }
  await store.park((await reader.everything()).map((one) => ({ ...one, ...refused })))
  for (let n = 0; n < 20; n += 1) await insert(pool, { key: n % 2 === 0 ? 'a' : 'b' })
  expect(await store.countBlocked({ look: 12, crowd: 5 })).toMatchObject({
    keys: 1,
    records: 6,
    isComplete: false,
    crowded: [{ records: 6 }],
  })
  expect(await store.countBlocked({ look: 21, crowd: 5 })).toMatchObject({ records: 10, isComplete: true })
})
