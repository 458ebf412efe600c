import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock, type Clock } from '../../../src/ports.ts'
import { outgoing, probePublisher } from '../../../testing/contracts/transport-subject.ts'
import { eventually } from '../../support/eventually.ts'
import { createWorld, recordedLogger, type World } from './world.ts'

let world: World

beforeAll(async () => {
  world = await createWorld()
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

/** A method frame on channel 0 that has no business there: class 20, method 11, an empty long string. */
const STRAY_FRAME = Buffer.from([1, 0, 0, 0, 0, 0, 8, 0, 20, 0, 11, 0, 0, 0, 0, 0xce])

test('a connection on which the broker talks nonsense is opened again at once', async () => {
  const logger = recordedLogger()
  const probe = probePublisher(world.transport({ logger }))
  await probe.reaches('ready')
  world.proxy.inject(STRAY_FRAME)
  await eventually(() => probe.states.at(-2) === 'connecting')
  await probe.reaches('ready')
  expect(logger.text()).toContain('Unexpected frame on channel 0')
  const message = outgoing()
  probe.publish(message)
  expect(await probe.settled([message])).toHaveLength(1)
  await probe.publisher.close()
  await eventually(() => world.proxy.connections === 0)
})

/** Calls `close` the given number of microtasks after a connection was opened. */
function clockThatCloses(turns: number, close: () => void): Clock {
  return {
    ...systemClock,
    after: (ms, callback) => {
      const cancel = systemClock.after(ms, callback)
      return () => {
        cancel()
        let turn = Promise.resolve()
        for (let i = 0; i < turns; i += 1) turn = turn.then(() => undefined)
        void turn.then(close)
      }
    },
  }
}

test.each(Array.from({ length: 16 }, (_, turns) => turns))(
  'a publisher that is closed %d turns after its connection was opened leaves none behind',
  async (turns) => {
    let closed = false
    const clock = clockThatCloses(turns, () => {
      void transport.close().then(() => {
        closed = true
      })
    })
    const transport = world.transport({ clock })
    transport.openPublisher({ onOutcome: () => undefined, onState: () => undefined })
    await eventually(() => closed && world.proxy.connections === 0)
  },
)

test('a connection whose frames are too small for headers is refused with the reason', async () => {
  const logger = recordedLogger()
  const url = `${world.proxy.url(world.broker.url)}?frameMax=16384`
  const probe = probePublisher(world.transport({ url, logger }))
  await eventually(() => logger.lines.some(({ level }) => level === 'error'))
  expect(logger.text()).toContain('frames of at most 16384 bytes')
  expect(probe.publisher.state).toBe('connecting')
  await probe.publisher.close()
  await eventually(() => world.proxy.connections === 0)
})
