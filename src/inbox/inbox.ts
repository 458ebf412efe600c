import type { Database } from '../database/database.ts'
import { WaybillError } from '../errors.ts'
import { inboxId } from '../message/message-id.ts'
import { checkSource } from '../message/names.ts'
import { kindOf, quote } from '../message/text.ts'
import { fingerprintOf } from './fingerprint.ts'

/** What identifies a message that comes from elsewhere: an HTTP webhook, a file, another broker. */
export interface OnceOptions {
  /** Who handles it: each consumer remembers for itself. 1 to 200 bytes without spaces. */
  readonly consumer: string
  /** The id that the sender gave it, the same each time it is sent: any text. */
  readonly messageId: string
  /** Who sent it. Two senders who both count from 1 do not meet if each has its own. */
  readonly source?: string | undefined
  /** What it is. The same id with another type is a conflict and not a duplicate. */
  readonly type?: string | undefined
}

/** Whether the work was done now, and what it came to. */
export type Once<Result> =
  { readonly first: true; readonly result: Result } | { readonly first: false; readonly result?: undefined }

export interface Inbox<Tx> {
  /**
   * Does `work` unless this consumer has done it for this message before. Must come first in the transaction: a
   * concurrent call for the same message then waits until this one has ended.
   *
   * @param tx an open transaction of the service's own driver; the message is remembered if it commits.
   * @throws WaybillError WAYBILL_MESSAGE_ID_CONFLICT when the id was handled before for another type or source, and
   * WAYBILL_OPTION_INVALID. What `work` throws passes through, and is to roll the transaction back.
   */
  once<Result>(tx: Tx, message: OnceOptions, work: () => Promise<Result> | Result): Promise<Once<Result>>
}

/**
 * Makes an inbox for messages that no consumer of this package brings.
 *
 * @throws WaybillError WAYBILL_OPTION_INVALID
 *
 * @example
 * ```ts
 * const inbox = createInbox({ database: knexDatabase(knex) })
 * await knex.transaction(async (tx) => {
 *   const { first } = await inbox.once(tx, { consumer: 'payments', source: 'stripe', messageId: event.id }, async () => {
 *     await tx('payments').insert({ id: event.id, amount: event.amount })
 *   })
 * })
 * ```
 */
export function createInbox<Tx>({ database }: { readonly database: Database<Tx> }): Inbox<Tx> {
  const given: unknown = database
  if (typeof given !== 'object' || given === null || !('inbox' in given)) {
    throw new WaybillError('WAYBILL_OPTION_INVALID', {
      problem: `Option database of createInbox is ${kindOf(given)} that has no inbox.`,
      wanted: 'Wanted is a Database, such as pgDatabase(pool) or knexDatabase(knex) gives.',
    })
  }
  return {
    async once(tx, message, work) {
      const entry = entryOf(message)
      const verdict = await database.inbox.remember(tx, entry)
      if (verdict === 'first') return { first: true, result: await work() }
      if (verdict === 'duplicate') return { first: false }
      throw new WaybillError('WAYBILL_MESSAGE_ID_CONFLICT', {
        problem: `Message id ${quote(message.messageId)} was handled before by ${quote(message.consumer)} for another source or type.`,
        remedy: 'Pass the source, so that ids of different senders do not meet.',
      })
    },
  }
}

function entryOf({ consumer, messageId, source, type }: OnceOptions): {
  readonly consumer: string
  readonly messageId: string
  readonly fingerprint: number
} {
  checkSource(consumer, { what: 'consumer of a message', code: 'WAYBILL_OPTION_INVALID' })
  checkText('messageId', messageId)
  if (source !== undefined) checkText('source', source)
  if (type !== undefined) checkText('type', type)
  return {
    consumer,
    messageId: inboxId({ messageId, source: source ?? null }),
    fingerprint: fingerprintOf({ source: source ?? null, type: type ?? '' }),
  }
}

function checkText(name: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') return
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: `The ${name} of a message is ${value === '' ? 'empty' : kindOf(value)}.`,
    wanted: 'Wanted is text of at least one character.',
  })
}
