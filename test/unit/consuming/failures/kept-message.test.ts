import { describe, expect, it } from 'vitest'
import { envelopeOf, keptMessage } from '../../../../src/consuming/failures/kept-message.ts'
import type { Delivery, Envelope } from '../../../../src/ports.ts'
import { orderPlaced } from '../setup.ts'

const nothing = (): void => undefined

function arrived(more: Pick<Delivery, 'envelope' | 'malformed' | 'unread'>): Delivery {
  return {
    ...{ exchange: 'orders.events', routingKey: 'order.placed', redelivered: false, deliveryCount: 0 },
    ...{ ack: nothing, deadLetter: nothing, release: nothing, ...more },
  }
}

describe('a message that is kept', () => {
  it.each<Partial<Envelope>>([
    {},
    { contentType: '' },
    { contentType: 'text/html', contentEncoding: 'gzip' },
    { contentEncoding: '', headers: { tenant: 'a' } },
    { headers: Object.fromEntries([['__proto__', 'p']]), contentEncoding: 'utf-8' },
  ])('is what it was when it is tried again: %j', (more) => {
    const envelope = orderPlaced(more)
    const again = envelopeOf(keptMessage(arrived({ envelope, malformed: null })))
    expect(again).toStrictEqual(envelope)
    expect(Object.entries(again.headers)).toEqual(Object.entries(envelope.headers))
  })

  it('though it could not be read, is still what its sender says of its body', () => {
    const unread = { messageId: 'm', type: 't', headers: {}, body: Buffer.from('{}') }
    const said = { contentType: 'text/html', contentEncoding: 'gzip' }
    const kept = keptMessage(arrived({ envelope: null, malformed: 'So.', unread: { ...unread, ...said } }))
    expect(envelopeOf(kept)).toMatchObject({ messageId: 'm', type: 't', headers: {}, ...said })
  })

  it('of which nothing could be read says nothing', () => {
    const kept = keptMessage(arrived({ envelope: null, malformed: 'So.' }))
    expect(kept).toMatchObject({ contentType: '', headers: {} })
  })
})
