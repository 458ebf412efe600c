import type { ClientBase } from 'pg'
import { createConsumer, createOutbox, type Consumer } from 'waybill'
import { messages } from './messages.ts'
import type { ServiceParts } from './orders-service.ts'

/**
 * Tables of the credit service. Accounts come from an older system, where some had no limit yet. Every committed state of
 * an account is kept in `account_history`, so that the report can check the invariant on all of them and not on samples.
 */
export const creditTables = (schema: string): string => `
  create schema ${schema};
  create table ${schema}.account (
    customer text primary key,
    credit_limit integer,
    reserved integer not null default 0
  );
  create table ${schema}.reservation (order_id uuid primary key, customer text not null, total integer not null);
  create table ${schema}.refusal (order_id uuid primary key, customer text not null, reason text not null);
  create table ${schema}.account_history (customer text not null, credit_limit integer, reserved integer not null);
  create function ${schema}.keep_account_state() returns trigger language plpgsql as $$
  begin
    insert into ${schema}.account_history values (new.customer, new.credit_limit, new.reserved);
    return null;
  end $$;
  create trigger keep_account_state after insert or update on ${schema}.account
    for each row execute function ${schema}.keep_account_state();`

interface Account {
  readonly credit_limit: number | null
  readonly reserved: number
}

export interface CreditParts extends ServiceParts {
  /** Asked about the customer of each order; throws when it cannot say. Default: nobody is. */
  readonly ask?: (customer: string) => void
}

/** Reserves credit for an order within the customer's limit, or refuses it, and tells which. */
export function createCreditService({ schema, database, ask, ...parts }: CreditParts): {
  readonly consumer: Consumer
} {
  const { telemetry, logger } = parts
  const outbox = createOutbox({ source: 'demo-credit', messages, database, telemetry, logger })

  /** What the customer can still spend; the row lock makes concurrent orders of a customer take turns. */
  const creditLeft = async (tx: ClientBase, customer: string): Promise<number> => {
    const { rows } = await tx.query<Account>(
      `select credit_limit, reserved from ${schema}.account where customer = $1 for update`,
      [customer],
    )
    const limit = rows[0]?.credit_limit ?? null
    // Nobody knows whether this order is too large. Thrown, the message is kept until somebody does.
    if (limit === null) throw new Error(`${customer} has no credit limit.`)
    return limit - (rows[0]?.reserved ?? 0)
  }

  const consumer = createConsumer({
    ...parts,
    name: 'demo-credit',
    messages,
    database,
    outbox,
    handlers: {
      'order.created': async ({ payload: { orderId, customer, total } }, { tx, outbox: reply }) => {
        ask?.(customer)
        if (total <= (await creditLeft(tx, customer))) {
          await tx.query(`update ${schema}.account set reserved = reserved + $2 where customer = $1`, [
            customer,
            total,
          ])
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
