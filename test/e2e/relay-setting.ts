import { createTestVhost, type TestVhost } from '../support/broker.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createStage, type Place, type Stage } from './stage.ts'

export interface RelaySetting extends Stage {
  readonly database: TestDatabase
  readonly vhost: TestVhost
}

/** A stage on a database and a vhost of its own. */
export async function createRelaySetting(
  options: Omit<Place, 'databaseUrl' | 'amqpUrl'> = {},
): Promise<RelaySetting> {
  const database = await createTestDatabase()
  const vhost = await createTestVhost()
  const stage = await createStage({ databaseUrl: database.url, amqpUrl: vhost.url, ...options })
  return {
    ...stage,
    database,
    vhost,
    [Symbol.asyncDispose]: async () => {
      await stage[Symbol.asyncDispose]()
      await vhost[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
  }
}
