import { expect, test } from 'vitest'
import { createLane, type Held, type Route } from '../../../src/relaying/held.ts'
import { toHeld } from '../../../src/relaying/to-held.ts'
import { record } from './records.ts'

/** What is published does not depend on its route. */
const held = (headers: string): Held => toHeld(record({ headers }), createLane(0, 1), {} as Route)

test('the slot of a partitioned record goes with the message and is no header of it', () => {
  const job = held('{"tenant":"a","waybill-slot":"63"}')
  expect(job).toMatchObject({ slot: 63, headers: { tenant: 'a' }, isReadable: true })
})

test('other records have no slot', () => {
  expect(held('{"tenant":"a"}')).toMatchObject({ slot: null, headers: { tenant: 'a' }, isReadable: true })
  expect(held('{}').slot).toBeNull()
})

test.each(['64', '-1', '1.5', 'a'])('a record with the slot %s cannot be published as it is', (slot) => {
  expect(held(JSON.stringify({ 'waybill-slot': slot })).isReadable).toBe(false)
})

test('what is to become of an unroutable record is for the relay alone, and a choice it does not know is left to its option', () => {
  const job = held('{"tenant":"a","waybill-unroutable":"ignore"}')
  expect(job).toMatchObject({ unroutable: 'ignore', headers: { tenant: 'a' }, isReadable: true })
  expect(held('{"waybill-unroutable":"later"}')).toMatchObject({ unroutable: null, headers: {} })
  expect(held('{}').unroutable).toBeNull()
})
