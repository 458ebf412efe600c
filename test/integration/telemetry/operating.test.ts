import { expect, it } from 'vitest'
import { openTelemetry } from '../../../adapters/opentelemetry/index.ts'
import { linksOf, startRig } from '../../unit/opentelemetry/rig.ts'
import { ADA, createWorld } from '../dead-letters/world.ts'

const SPAN = '00f067aa0ba902b7'
const HEADERS = JSON.stringify({ traceparent: `00-4bf92f3577b34da6a3ce929d0e0e4736-${SPAN}-01` })
const OLD = { by: ADA, reason: 'Old.' }

it('what an operator does is a step of the request, and refers to the creation of the message', async () => {
  await using rig = startRig()
  await using world = await createWorld({ telemetry: openTelemetry() })
  const { letters, services } = world.operations
  const failed = await world.fail({ headers: HEADERS })
  const request = rig.within((span) => ({
    id: span.spanContext().spanId,
    done: letters.replay(failed, { by: ADA }),
  }))
  await request.done
  const parked = await world.park({ headers: 'no JSON' })
  await letters.discard(parked, OLD)
  await expect(letters.discard(parked, OLD)).rejects.toThrow()
  await services.pause('consumer', 'billing', OLD)

  const spans = rig.spans().filter(({ name }) => name.startsWith('operate '))
  expect(
    spans.map(({ name, kind, status, attributes }) => [name, kind, status.code, attributes['admin.target']]),
  ).toEqual([
    ['operate dead-letters.replay', 0, 0, failed],
    ['operate dead-letters.discard', 0, 0, parked],
    ['operate dead-letters.discard', 0, 2, parked],
    ['operate consumers.pause', 0, 0, 'consumer billing'],
  ])
  expect(spans[0]?.parentSpanContext?.spanId).toBe(request.id)
  expect(spans.map(linksOf)).toEqual([[['creation', SPAN]], [], [], []])
  expect(spans[2]?.attributes['error.type']).toBe('WAYBILL_STATE_CONFLICT')
})

it('without an SDK operators do the same', async () => {
  await using world = await createWorld({ telemetry: openTelemetry() })
  const failed = await world.fail({ headers: HEADERS })
  await world.operations.letters.replay(failed, { by: ADA })
  expect(await world.state(failed)).toBe('retry')
})
