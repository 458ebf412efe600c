import { randomUUID } from 'node:crypto'
import type { AdminAccess } from './admin.ts'

/** Messages that failed alike, as far as the demo looks at them; docs/api has all of it. */
export interface FailureGroup {
  readonly fingerprint: string
  readonly count: number
  readonly consumer: string
  readonly type: string
  readonly example: { readonly id: string; readonly error_message: string; readonly attempts: number }
}

export interface BulkOperation {
  readonly id: string
  readonly state: 'running' | 'paused' | 'watching' | 'finished' | 'cancelled'
  readonly progress: {
    readonly matched: number
    readonly succeeded: number
    readonly failed_again: number
  }
}

interface Consumers {
  readonly items: readonly { readonly name: string; readonly pause: object | null }[]
}

/** What an operator does with curl or a script. */
export interface Operator {
  failureGroups(): Promise<readonly FailureGroup[]>
  /** How many a replay of the group would take. */
  count(group: FailureGroup): Promise<number>
  /** Replays the group if there are still as many. Asked again with the same `idempotencyKey`, it is the same replay. */
  replay(group: FailureGroup, expected: number, idempotencyKey: string): Promise<BulkOperation>
  bulkOperation(id: string): Promise<BulkOperation>
  /** Lets consumers go on that somebody has paused. @returns their names. */
  resumeAll(): Promise<readonly string[]>
}

/** Its only way is the admin API. */
export function createOperator({ url, token }: AdminAccess): Operator {
  const authorization = `Bearer ${token}`

  const get = async <Answer>(path: string): Promise<Answer> =>
    answerOf(await fetch(url + path, { headers: { authorization } }))

  const post = async <Answer>(path: string, body: object, key: string = randomUUID()): Promise<Answer> => {
    const headers = { authorization, 'content-type': 'application/json', 'idempotency-key': key }
    return answerOf(await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) }))
  }
  const replayOf = ({ fingerprint }: FailureGroup) => ({ action: 'replay', filter: { fingerprint } })

  return {
    async failureGroups() {
      return (await get<{ items: readonly FailureGroup[] }>('/failure-groups')).items
    },
    async count(group) {
      const body = { ...replayOf(group), dry_run: true }
      const { matched } = await post<{ matched: { count: number } }>('/bulk-operations', body)
      return matched.count
    },
    replay(group, expected, idempotencyKey) {
      const reason = 'The credit limit is known now.'
      // One first: the others follow when it has succeeded.
      const body = { ...replayOf(group), expected_count: expected, canary: 1, rate: 500, reason }
      return post('/bulk-operations', body, idempotencyKey)
    },
    bulkOperation: (id) => get(`/bulk-operations/${id}`),
    async resumeAll() {
      const { items } = await get<Consumers>('/consumers')
      const paused = items.filter(({ pause }) => pause !== null).map(({ name }) => name)
      for (const name of paused) await post(`/consumers/${encodeURIComponent(name)}/resume`, {})
      return paused
    },
  }
}

/** @throws Error with what the API says is wrong. */
async function answerOf<Answer>(response: Response): Promise<Answer> {
  const answer: unknown = await response.json()
  if (!response.ok)
    throw new Error(`The admin API answered ${String(response.status)}: ${JSON.stringify(answer)}`)
  return answer as Answer
}
