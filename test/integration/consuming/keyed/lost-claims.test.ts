import { describe, expect, it } from 'vitest'
import { failpoints } from 'waybill/testing'
import { pgDatabase } from '../../../../adapters/pg/index.ts'
import { WaybillError, type Database } from '../../../../src/ports.ts'
import { eventually } from '../../../support/eventually.ts'
import { createKeyedWorld, type KeyedWorld } from './world.ts'

const RETRY = { baseMs: 100, maxMs: 100 }

/** The first message fails once; the others come when it has failed, and wait for it. */
async function blocked(world: KeyedWorld, count: number): Promise<{ readonly mend: () => void }> {
  const self = { broken: true }
  world.beforeEffect = () => {
    if (self.broken) throw new Error('Out of stock.')
  }
  await world.send(Array<string>(count).fill('a'))
  await eventually(async () => (await waiting(world)) === count - 1)
  return { mend: () => void (self.broken = false) }
}

async function waiting(world: KeyedWorld): Promise<number> {
  const { rows } = await world.pool.query<{ count: number }>(
    `select count(*)::int as count from waybill.failure where state = 'waiting'`,
  )
  return rows[0]?.count ?? 0
}

async function expectAllHandled(world: KeyedWorld): Promise<void> {
  await world.settled()
  expect(world.violations).toEqual([])
  const { rows } = await world.pool.query(
    'select sum(crashes)::int as crashes, count(*) filter (where holder is not null)::int as held from waybill.failure',
  )
  expect(rows).toEqual([{ crashes: 0, held: 0 }])
}

/** Claims, and then the connection is gone, as far as the consumer can see. */
function losingClaims<Tx>(database: Database<Tx>): {
  readonly database: Database<Tx>
  readonly lost: string[]
} {
  const lost: string[] = []
  const { failures } = database
  return {
    lost,
    database: {
      ...database,
      failures: {
        ...failures,
        async claim(request) {
          const claims = await failures.claim(request)
          if (claims.length === 0 || lost.length > 0) return claims
          lost.push(...claims.map(({ failureId }) => failureId))
          throw new WaybillError('WAYBILL_DATABASE_UNAVAILABLE', {
            problem: 'The answer was lost on purpose.',
          })
        },
      },
    },
  }
}

describe('C1: a claim of which the answer is lost', () => {
  it('is given up soon, so that its message is tried and its key goes on while the instance lives', async () => {
    await using world = await createKeyedWorld()
    const { database, lost } = losingClaims(pgDatabase(world.pool))
    await world.start({ retry: RETRY, database })
    const { mend } = await blocked(world, 3)
    mend()
    await eventually(() => lost.length === 1)
    await expectAllHandled(world)
  })

  it('with the commit of the message before it is given up as well', async () => {
    await using world = await createKeyedWorld()
    const faults = failpoints()
    await world.start({ retry: RETRY, database: faults.database(pgDatabase(world.pool)) })
    const { mend } = await blocked(world, 5)
    const lost = faults.arm('lost-commit-answer', { when: ({ call }) => call === 'retry' })
    mend()
    await expectAllHandled(world)
    lost.assertFired()
  })
})
