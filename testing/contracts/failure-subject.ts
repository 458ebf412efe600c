import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import type {
  ClaimedFailure,
  ClaimRequest,
  FailureFate,
  FailureInstance,
  FailureStore,
  InboxEntry,
  KeptMessage,
  NewFailure,
  Presence,
  Retried,
} from '../../src/ports.ts'
import type { DatabaseContract, DatabaseSubject } from './database-subject.ts'

export const LONG_MS = 60_000
export const ERROR = { type: 'Error', message: 'no', stack: 'Error: no', frame: 'a.ts:b', fingerprint: 'abc' }

export const instance = (): FailureInstance => ({
  consumer: 'billing',
  instanceId: randomUUID(),
  host: 'contract',
})
export const presence = (by: FailureInstance, leaseMs: number = LONG_MS): Presence => ({
  ...by,
  ...{ queue: 'billing', mode: 'unordered', leaseMs },
})

export function fate(fields: Partial<FailureFate> = {}): FailureFate {
  return {
    ...{ state: { kind: 'retry', afterMs: 0 }, blocking: false, reason: 'failed', error: ERROR, triedMs: 5 },
    trace: null,
    ...fields,
  }
}
export const RETRY = { kind: 'retry', afterMs: 0 } as const
export const DEAD = { kind: 'dead' } as const

export const message = (fields: Partial<KeptMessage> = {}): KeptMessage => ({
  ...{ originalId: 'm-1', type: 'order.placed', version: 2, source: 'orders', key: null },
  ...{ correlationId: 'c-1', causationId: null, createdAt: 1_700_000_000_123, headers: { a: 'ä' } },
  ...{ contentType: 'application/json', exchange: 'orders.events', routingKey: 'order.placed' },
  ...{ payload: Buffer.from([0, 255, 123]), sealed: false },
  ...fields,
})

/** A failure of a message of its own; one with a key makes later ones of that wait. */
export function failure(
  by: FailureInstance,
  fields: { key?: string; fate?: Partial<FailureFate> } = {},
): NewFailure {
  const { key } = fields
  const entry: InboxEntry = {
    ...{ consumer: by.consumer, messageId: randomUUID(), fingerprint: 7 },
    ...(key === undefined ? {} : { key }),
  }
  return {
    ...{ entry, by, uncertain: false },
    message: message({ key: key ?? null }),
    fate: fate({ blocking: key !== undefined, ...fields.fate }),
  }
}

/** A store, and how tests use it. */
export interface FailureSubject<Tx> {
  readonly subject: () => DatabaseSubject<Tx>
  readonly store: () => FailureStore<Tx>
  readonly claim: (
    by: FailureInstance,
    kind?: ClaimRequest['kind'],
    atMost?: number,
  ) => Promise<readonly ClaimedFailure[]>
  /** The one that is due. */
  readonly only: (by: FailureInstance, kind?: ClaimRequest['kind']) => Promise<ClaimedFailure>
  /**
   * Delivers a message of the key, as a consumer in mode `key` does. @returns its id if it waits, else what the inbox said.
   */
  readonly deliver: (by: FailureInstance, key: string, mostPerKey?: number) => Promise<string>
  readonly handled: (by: FailureInstance, claimed: ClaimedFailure) => Promise<Retried>
}

export const idsOf = (claims: readonly ClaimedFailure[]): string[] => claims.map(({ messageId }) => messageId)

/** For all tests of the suite that calls it. */
export function useFailures<Tx>(contract: DatabaseContract<Tx>): FailureSubject<Tx> {
  let subject: DatabaseSubject<Tx>
  beforeAll(async () => {
    subject = await contract.create()
  })
  beforeEach(async () => {
    await subject.clear()
  })
  afterAll(async () => {
    await subject[Symbol.asyncDispose]()
  })
  const store = (): FailureStore<Tx> => subject.database.failures
  const claim = (
    by: FailureInstance,
    kind: ClaimRequest['kind'] = 'sound',
    atMost = 10,
  ): Promise<readonly ClaimedFailure[]> => store().claim({ by, kind, atMost })
  const only = async (by: FailureInstance, kind?: ClaimRequest['kind']): Promise<ClaimedFailure> => {
    const [first, ...others] = await claim(by, kind)
    if (first === undefined || others.length > 0) throw new Error('Not exactly one was due.')
    return first
  }
  /** Delivers a message of the key, as a consumer in mode `key` does. */
  const deliver = async (by: FailureInstance, key: string, mostPerKey = 100): Promise<string> => {
    const { entry, message: kept } = failure(by, { key })
    return subject.database.handle([entry], async (tx, [verdict]) => {
      if (verdict !== 'blocked') return verdict ?? ''
      const done = await store().wait(tx, { entry, message: kept, by }, mostPerKey)
      if (!done) throw new Error('full')
      return entry.messageId
    })
  }
  const handled = (by: FailureInstance, claimed: ClaimedFailure): Promise<Retried> =>
    store().retry(claimed, by, () => Promise.resolve())
  return { subject: () => subject, store, claim, only, deliver, handled }
}
