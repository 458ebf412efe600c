import { describe } from 'vitest'
import type pg from 'pg'
import type { NewRecord } from '../../src/ports.ts'
import { createSetting } from '../integration/postgres/setting.ts'
import type { RelayStoreSubject } from '../../testing/contracts/relay-store-reader.ts'
import { relayStoreContract } from '../../testing/contracts/relay-store.ts'

describe('PostgreSQL', () => {
  relayStoreContract(createPostgresSubject)
})

async function createPostgresSubject(): Promise<RelayStoreSubject> {
  const setting = await createSetting()
  return {
    store: setting.store,
    write: (records) => append(setting.pool, records),
    async begin() {
      const client = await setting.connect()
      await client.query('begin')
      return {
        write: (records) => append(client, records),
        commit: async () => {
          await client.query('commit')
        },
        rollback: async () => {
          await client.query('rollback')
        },
      }
    },
    [Symbol.asyncDispose]: () => setting[Symbol.asyncDispose](),
  }
}

/** One statement, as a writer does it, so that a batch is visible at once. */
async function append(client: pg.Pool | pg.Client, records: readonly NewRecord[]): Promise<void> {
  const column = (name: keyof NewRecord): unknown[] => records.map((one) => one[name])
  await client.query(
    `insert into waybill.outbox (lane, version, message_id, key, type, source, exchange, routing_key, headers,
       content_type, payload)
     select lane, version, message_id, key, type, source, exchange, routing_key, headers, content_type, payload
     from unnest($1::smallint[], $2::integer[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
       $8::text[], $9::text[], $10::text[], $11::bytea[]) with ordinality as r (lane, version, message_id, key, type,
       source, exchange, routing_key, headers, content_type, payload, place)
     order by place`,
    [
      ...[column('lane'), column('version'), column('messageId'), column('key'), column('type')],
      ...[column('source'), column('exchange'), column('routingKey'), column('headers')],
      ...[column('contentType'), column('payload')],
    ],
  )
}
