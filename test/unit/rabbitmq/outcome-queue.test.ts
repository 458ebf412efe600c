import { expect, test } from 'vitest'
import { createOutcomeQueue } from '../../../adapters/rabbitmq/outcome-queue.ts'
import type { Logger } from '../../../src/ports.ts'
import { outgoing } from '../../../testing/contracts/transport-subject.ts'

const CONFIRMED = { kind: 'confirmed' } as const
const message = (messageId: string): ReturnType<typeof outgoing> => outgoing({ messageId })

function harness(onOutcome: (id: string) => void): {
  queue: ReturnType<typeof createOutcomeQueue>
  errors: string[]
} {
  const errors: string[] = []
  const log = (_fields: object, text: string): void => void errors.push(text)
  const logger: Logger = { debug: log, info: log, warn: log, error: log }
  const listener = {
    onOutcome: (told: { readonly messageId: string }) => {
      onOutcome(told.messageId)
    },
    onState: () => undefined,
  }
  return { queue: createOutcomeQueue(listener, logger), errors }
}

test('tells outcomes later and in order', async () => {
  const told: string[] = []
  const { queue } = harness((id) => told.push(id))
  queue.push(message('a'), CONFIRMED)
  queue.push(message('b'), CONFIRMED)
  expect(told).toEqual([])
  await Promise.resolve()
  expect(told).toEqual(['a', 'b'])
})

test('goes on after a listener that throws', async () => {
  const told: string[] = []
  const { queue, errors } = harness((id) => {
    told.push(id)
    if (id === 'b') throw new Error('on purpose')
  })
  for (const id of ['a', 'b', 'c']) queue.push(message(id), CONFIRMED)
  await Promise.resolve()
  expect(told).toEqual(['a', 'b', 'c'])
  expect(errors).toHaveLength(1)
})

test('tells what a listener causes after it returned', async () => {
  const told: string[] = []
  let inside = false
  const { queue } = harness((id) => {
    expect(inside).toBe(false)
    inside = true
    told.push(id)
    if (told.length < 4) queue.push(message(`${id}+`), CONFIRMED)
    inside = false
  })
  queue.push(message('a'), CONFIRMED)
  for (let i = 0; i < 8; i += 1) await Promise.resolve()
  expect(told).toEqual(['a', 'a+', 'a++', 'a+++'])
})

test('a flush from inside a listener tells the rest at once, each of them once', async () => {
  const told: string[] = []
  const { queue } = harness((id) => {
    told.push(id)
    if (id !== 'a') return
    queue.push(message('d'), CONFIRMED)
    queue.flush()
    expect(told).toEqual(['a', 'b', 'c', 'd'])
  })
  for (const id of ['a', 'b', 'c']) queue.push(message(id), CONFIRMED)
  queue.flush()
  await Promise.resolve()
  expect(told).toEqual(['a', 'b', 'c', 'd'])
})
