import { randomUUID } from 'node:crypto'
import { eventually } from '../support/eventually.ts'

/** As docker-compose.yml has it. */
const TOKEN = 'example-token-for-this-machine-only'

interface Letter {
  readonly id: string
  readonly revision: number
}

interface Asked {
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Does what an operator does about dead letters: replays one, which fails again as nothing was mended, discards one by itself
 * and all others together.
 *
 * @param api Of an outbox with three dead letters or more.
 */
export async function tidyUp(api: string): Promise<void> {
  const ask = async (method: string, path: string, { body, headers }: Asked = {}): Promise<unknown> => {
    const response = await fetch(`${api}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${TOKEN}`,
        ...(method === 'POST' && { 'idempotency-key': randomUUID(), 'content-type': 'application/json' }),
        ...headers,
      },
      ...(method === 'POST' && { body: JSON.stringify(body ?? {}) }),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response.json()
  }
  const { items } = (await ask('GET', '/dead-letters')) as { readonly items: readonly Letter[] }
  const [replayed, discarded] = items
  if (replayed === undefined || discarded === undefined) throw new Error('There are no two dead letters.')
  const why = { reason: 'Nobody can mend it.' }
  await ask('POST', `/dead-letters/${discarded.id}/discard`, {
    body: why,
    headers: { 'if-match': `"${String(discarded.revision)}"` },
  })
  await ask('POST', `/dead-letters/${replayed.id}/replay`)
  const all = { action: 'discard', filter: {}, ...why }
  const { id } = (await ask('POST', '/bulk-operations', { body: all })) as { readonly id: string }
  await eventually(async () => {
    const { state } = (await ask('GET', `/bulk-operations/${id}`)) as { readonly state: string }
    return state === 'finished'
  })
}
