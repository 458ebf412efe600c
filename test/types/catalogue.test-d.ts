import { expectTypeOf, test } from 'vitest'
import {
  combineMessages,
  defineMessages,
  messageType,
  type Catalogue,
  type Message,
  type MessageToWrite,
  type PayloadInput,
  type PayloadOutput,
  type TypeName,
} from 'waybill'
import * as v from 'valibot'
import { z } from 'zod'

const orders = defineMessages(
  {
    'order.placed': z.object({ orderId: z.string(), total: z.number() }),
    'order.dated': z.object({ on: z.string().transform((text) => new Date(text)) }),
  },
  { source: 'orders' },
)
const others = defineMessages({
  'parcel.sent': messageType<{ parcel: string }>({ version: 2 }),
  'label.printed': messageType({ codec: 'bytes' }),
  'stock.low': messageType({
    schema: v.object({ sku: v.string() }),
    version: 3,
    upcast: () => ({ sku: 'a' }),
  }),
  plain: v.object({ n: v.number() }),
})
const all = combineMessages(orders, others)
type All = typeof all

test('a payload has the input type of its schema when it is written and the output type when it is handled', () => {
  expectTypeOf<PayloadInput<All, 'order.placed'>>().toEqualTypeOf<{ orderId: string; total: number }>()
  expectTypeOf<PayloadInput<All, 'order.dated'>>().toEqualTypeOf<{ on: string }>()
  expectTypeOf<PayloadOutput<All, 'order.dated'>>().toEqualTypeOf<{ on: Date }>()
  expectTypeOf<PayloadInput<All, 'parcel.sent'>>().toEqualTypeOf<{ parcel: string }>()
  expectTypeOf<PayloadInput<All, 'label.printed'>>().toEqualTypeOf<Uint8Array>()
  expectTypeOf<PayloadOutput<All, 'label.printed'>>().toEqualTypeOf<Buffer>()
  expectTypeOf<PayloadInput<All, 'stock.low'>>().toEqualTypeOf<{ sku: string }>()
  expectTypeOf<PayloadInput<All, 'plain'>>().toEqualTypeOf<{ n: number }>()
})

test('every catalogue is a catalogue of any types', () => {
  expectTypeOf(all).toExtend<Catalogue>()
  expectTypeOf(orders).toExtend<Catalogue>()
})

test('the names of a catalogue are exactly those of its definitions, also when catalogues are combined', () => {
  expectTypeOf<TypeName<typeof orders>>().toEqualTypeOf<'order.placed' | 'order.dated'>()
  expectTypeOf<TypeName<All>>().toEqualTypeOf<
    'order.placed' | 'order.dated' | 'parcel.sent' | 'label.printed' | 'stock.low' | 'plain'
  >()
})

test('the compiler refuses a type that is not in the catalogue', () => {
  const write = (message: MessageToWrite<All>): unknown => message
  write({ type: 'parcel.sent', payload: { parcel: 'a' } })
  // @ts-expect-error no such type
  write({ type: 'parcel.lost', payload: { parcel: 'a' } })
})

test('the compiler refuses a payload of another type, a missing field and an unknown field', () => {
  const write = (message: MessageToWrite<All>): unknown => message
  write({ type: 'order.placed', payload: { orderId: 'a', total: 1 }, key: 'a', headers: { tenant: 'b' } })
  // @ts-expect-error the payload of another type
  write({ type: 'order.placed', payload: { parcel: 'a' } })
  // @ts-expect-error total is missing
  write({ type: 'order.placed', payload: { orderId: 'a' } })
  // @ts-expect-error the field is called key
  write({ type: 'parcel.sent', payload: { parcel: 'a' }, keys: 'a' })
  // @ts-expect-error headers are texts
  write({ type: 'parcel.sent', payload: { parcel: 'a' }, headers: { count: 1 } })
  // @ts-expect-error bytes, not text
  write({ type: 'label.printed', payload: 'text' })
})

test('a handled message tells its types apart by its name', () => {
  const read = (message: Message<All>): void => {
    if (message.type === 'order.dated') expectTypeOf(message.payload).toEqualTypeOf<{ on: Date }>()
    if (message.type === 'label.printed') expectTypeOf(message.payload).toEqualTypeOf<Buffer>()
  }
  expectTypeOf(read).parameter(0).toHaveProperty('createdAt').toEqualTypeOf<Date>()
})

test('an upcast gives what the current schema takes', () => {
  // @ts-expect-error sku is a text
  messageType({ schema: z.object({ sku: z.string() }), version: 2, upcast: () => ({ sku: 1 }) })
})

test('a definition that is no schema is refused', () => {
  // @ts-expect-error an object is no schema
  defineMessages({ 'a.b': { orderId: 'string' } })
})
