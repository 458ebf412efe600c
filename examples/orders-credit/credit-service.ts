import type { ClientBase } from 'pg'
import { createConsumer, createOutbox, type Consumer } from 'waybill'
import { messages } from './messages.ts'
import type { ServiceParts } from './orders-service.ts'

/**
 * Tables of the credit service. Every committed state of a customer's account is kept in `account_history`,
 * so that the report can check the invariant on all of them and not on samples.
 */
export const creditTables = (schema: string): string => `
  create schema ${schema};
  create table ${schema}.account (
    customer text primary key,
    credit_limit integer not null,
    reserved integer not null default 0
  );
  create table ${schema}.reservation (order_id uuid primary key, customer text not null, total integer not null);
  create table ${schema}.refusal (order_id uuid primary key, customer text not null, reason text not null);
  create table ${schema}.account_history (customer text not null, credit_limit integer not null, reserved integer not null);
  create function ${schema}.keep_account_state() returns trigger language plpgsql as $$
  begin
    insert into ${schema}.account_history values (new.customer, new.credit_limit, new.reserved);
    return null;
  end $$;
  create trigger keep_account_state after insert or update on ${schema}.account
    for each row execute function ${schema}.keep_account_state();`

/** Reserves credit for an order within the customer's limit, or refuses it, and tells which. */
export function createCreditService({ schema, database, transport }: ServiceParts): {
  readonly consumer: Consumer
} {
  const outbox = createOutbox({ source: 'credit', messages, database })

  /** Takes the amount only if it fits; the row lock makes concurrent orders of a customer take turns. */
  const reserve = async (tx: ClientBase, customer: string, total: number): Promise<boolean> => {
    const taken = await tx.query(
      `update ${schema}.account set reserved = reserved + $2 where customer = $1 and reserved + $2 <= credit_limit`,
      [customer, total],
    )
    return taken.rowCount === 1
  }

  const consumer = createConsumer({
    name: 'credit',
    messages,
    database,
    transport,
    outbox,
    handlers: {
      'order.created': async ({ payload: { orderId, customer, total } }, { tx, outbox: reply }) => {
        if (await reserve(tx, customer, total)) {
          await tx.query(`insert into ${schema}.reservation values ($1, $2, $3)`, [orderId, customer, total])
          await reply.write({ type: 'credit.reserved', key: orderId, payload: { orderId } })
        } else {
          const reason = 'credit limit reached'
          await tx.query(`insert into ${schema}.refusal values ($1, $2, $3)`, [orderId, customer, reason])
          await reply.write({ type: 'credit.refused', key: orderId, payload: { orderId, reason } })
        }
      },
    },
  })
  return { consumer }
}
