/**
 * What examples take for granted, as text, since it would lend its names to the whole repository otherwise: what a
 * service has before it meets this package.
 */
export const EXAMPLE_SETTING = `
import type { Knex } from 'knex'
import type pgModule from 'pg'
import type { Database, Handler, MessageToWrite, Outbox } from 'waybill'
import { combineMessages, defineMessages, messageType } from 'waybill'
import { z as zod } from 'zod'

const orders = defineMessages(
  {
    'order.placed': zod.object({ orderId: zod.string(), total: zod.number() }),
    'order.shipped': messageType<{ orderId: string }>(),
  },
  { source: 'orders' },
)
const credit = defineMessages({ 'invoice.issued': zod.object({ orderId: zod.string() }) }, { source: 'billing' })
const all = combineMessages(orders, credit)
type Messages = typeof all

declare global {
  const z: typeof import('zod').z
  const pg: typeof pgModule
  const expect: typeof import('vitest').expect
  const test: typeof import('vitest').test

  const url: string
  const connectionString: string
  const id: string
  const order: { readonly id: string; readonly total: number }
  /** As a stranger's webhook brings it. */
  const event: { readonly id: string; readonly amount: number }

  const pool: pgModule.Pool
  const knex: Knex
  const database: Database<pgModule.ClientBase>
  const tx: pgModule.ClientBase

  const messages: Messages
  const orderMessages: typeof orders
  const creditMessages: typeof credit
  const outbox: Outbox<Messages, pgModule.ClientBase>
  const message: MessageToWrite<Messages, 'order.placed'>

  function placeOrder(tx: unknown, order: { readonly orderId: string; readonly total: number }): Promise<void>
  const issueInvoice: Handler<Messages, 'order.placed', unknown>
  function storeElsewhere(message: unknown): Promise<void>
}
`
