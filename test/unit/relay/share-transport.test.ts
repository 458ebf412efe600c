import { describe, expect, it } from 'vitest'
import { shareTransport } from '../../../relay/share-transport.ts'
import type {
  OutgoingMessage,
  Publisher,
  PublisherListener,
  PublishOutcome,
  Transport,
} from '../../../src/ports.ts'

/** A broker that answers when the test says so. */
function setup() {
  const opened: { listener: PublisherListener; sent: OutgoingMessage[]; closed: boolean; resets: number }[] =
    []
  const transport: Transport = {
    openPublisher(listener): Publisher {
      const own = { listener, sent: [] as OutgoingMessage[], closed: false, resets: 0 }
      opened.push(own)
      return {
        state: 'ready',
        publish: (message) => void own.sent.push(message),
        reset: () => void (own.resets += 1),
        close: () => {
          own.closed = true
          return Promise.resolve()
        },
      }
    },
    subscribe: () => Promise.reject(new Error('Nobody subscribes.')),
    close: () => Promise.resolve(),
  }
  const shared = shareTransport(transport)
  const listen = () => {
    const heard: unknown[] = []
    const publisher = shared.openPublisher({
      onOutcome: (message, outcome) => heard.push([message.messageId, outcome.kind]),
      onState: (state) => heard.push(state),
    })
    return { heard, publisher }
  }
  return { opened, listen }
}

function message(messageId: string): OutgoingMessage {
  return { messageId } as OutgoingMessage
}

const CONFIRMED: PublishOutcome = { kind: 'confirmed' }

describe('a shared transport', () => {
  it('opens one connection and tells each relay of its own messages, and all of its state', () => {
    const { opened, listen } = setup()
    const [a, b] = [listen(), listen()]
    const [one, two] = [message('1'), message('2')]
    a.publisher.publish(one)
    b.publisher.publish(two)
    expect(opened).toHaveLength(1)
    const { listener, sent } = opened[0]!
    expect(sent).toEqual([one, two])
    listener.onOutcome(two, CONFIRMED)
    listener.onOutcome(one, { kind: 'unroutable' })
    listener.onState('connecting')
    expect(a.heard).toEqual([['1', 'unroutable'], 'connecting'])
    expect(b.heard).toEqual([['2', 'confirmed'], 'connecting'])
    a.publisher.reset()
    expect(opened[0]!.resets).toBe(1)
  })

  it('keeps the connection for those who are left, and waits for what is in flight', async () => {
    const { opened, listen } = setup()
    const [a, b] = [listen(), listen()]
    const last = message('last')
    a.publisher.publish(last)
    let closed = false
    const closing = a.publisher.close().then(() => (closed = true))
    await Promise.resolve()
    expect(closed).toBe(false)
    opened[0]!.listener.onOutcome(last, CONFIRMED)
    await closing
    expect(a.publisher.state).toBe('closed')
    expect(opened[0]!.closed).toBe(false)
    await b.publisher.close()
    expect(opened[0]!.closed).toBe(true)
    listen()
    expect(opened).toHaveLength(2)
  })
})
