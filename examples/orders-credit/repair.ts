import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BulkOperation, FailureGroup, Operator } from './operator.ts'
import type { World } from './world.ts'

/**
 * A morning with dead letters: look at what failed alike, mend the cause, replay. Only mending the cause needs to know the
 * services; all else goes over the admin API.
 */
export async function repairFailures(world: World, operator: Operator, signal: AbortSignal): Promise<void> {
  const groups = await operator.failureGroups()
  console.log(`\nGET ${world.admin.url}/failure-groups`)
  for (const group of groups) console.log(`  ${describeGroup(group)}`)

  console.log(
    `\nThe cause is mended: ${String(await world.fillInLimits())} missing credit limit is filled in.`,
  )
  for (const group of groups) await replayGroup(operator, group, signal)
}

async function replayGroup(operator: Operator, group: FailureGroup, signal: AbortSignal): Promise<void> {
  const expected = await operator.count(group)
  console.log(`\nPOST /bulk-operations  dry run: a replay of the group would take ${String(expected)}`)
  // Sent twice, as after an answer that got lost.
  const idempotencyKey = randomUUID()
  const started = await operator.replay(group, expected, idempotencyKey)
  const again = await operator.replay(group, expected, idempotencyKey)
  console.log(
    `POST /bulk-operations  expected_count ${String(expected)}, sent twice with one Idempotency-Key: ${started.id} and ${again.id}`,
  )
  const ended = await untilEnded(operator, started, signal)
  const { matched, succeeded, failed_again } = ended.progress
  console.log(
    `GET  /bulk-operations/${ended.id}  ${ended.state}: ${String(succeeded)} of ${String(matched)} handled, ${String(failed_again)} failed again`,
  )
}

async function untilEnded(
  operator: Operator,
  { id }: BulkOperation,
  signal: AbortSignal,
): Promise<BulkOperation> {
  for (;;) {
    const bulk = await operator.bulkOperation(id)
    if (bulk.state === 'finished') return bulk
    if (bulk.state === 'paused' || bulk.state === 'cancelled')
      throw new Error(`The replay ${id} is ${bulk.state}: ${JSON.stringify(bulk)}`)
    await sleep(200, undefined, { signal })
  }
}

function describeGroup({ count, type, consumer, example, fingerprint }: FailureGroup): string {
  const { error_message, attempts } = example
  return (
    `${String(count)} × ${type} in ${consumer}, given up on after ${String(attempts)} attempts: ` +
    `"${error_message}" (fingerprint ${fingerprint})`
  )
}
