import pg from 'pg'
import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { createRelay } from '../../../relay/index.ts'
import { silentLogger, type Telemetry } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { createRecordingBroker } from './recording-broker.ts'
import { createWorld, numbered, QUICK } from './world.ts'

test('a crowd behind a parked message is told of by one warning, and not one of it is published or lost', async () => {
  await using world = await createWorld()
  const { pool } = world.database
  await world.write(numbered(500, 5))
  await pool.query(`
    with head as (delete from waybill.outbox where key = 'key-1' and id = (select min(id) from waybill.outbox where key = 'key-1') returning *)
    insert into waybill.parked (id, lane, version, created_at, message_id, key, type, source, exchange, routing_key,
      headers, content_type, payload, state, reason, error)
    select id, lane, version, created_at, message_id, key, type, source, exchange, routing_key, headers, content_type,
      payload, 'dead', 'rejected', '' from head`)
  const told: unknown[] = []
  const warnings: string[] = []
  const telemetry: Telemetry = {
    blocked: (keys, records) => told.push({ keys, records }),
    crowded: (_lane, records) => told.push({ records }),
  }
  const logger = {
    ...silentLogger,
    warn: (_fields: object, text?: string) => void warnings.push(String(text)),
  }
  const own = new pg.Pool({ connectionString: world.database.url })
  const broker = createRecordingBroker()
  const relay = createRelay(
    { database: pgDatabase(own), transport: broker.transport(), telemetry, logger },
    { ...QUICK, blockedAlert: 90 },
  )
  await relay.start()
  await eventually(() => told.length === 2)
  expect(told[1]).toEqual({ records: 99 })
  expect(told[0]).toMatchObject({ keys: 1 })
  await eventually(async () => (await world.left()) === 99)
  expect(warnings.filter((text) => text.includes('99 messages wait behind a parked message'))).toHaveLength(1)
  expect(broker.arrived.some(({ key }) => key === 'key-1')).toBe(false)
  await relay.stop()
  await own.end()
})
