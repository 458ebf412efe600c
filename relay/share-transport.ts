import type { OutgoingMessage, Publisher, PublisherListener, Transport } from '../src/ports.ts'

interface View {
  readonly listener: PublisherListener
  inFlight: number
  isClosed: boolean
  /** Called when nothing is in flight any more. */
  onIdle: () => void
}

/**
 * A transport whose publishers all share one connection, which lasts from the first of them to the last. A reset by one
 * of them ends the connection of all: what the others have in flight becomes `unknown`, and is published again.
 */
export function shareTransport(transport: Transport): Transport {
  const views = new Set<View>()
  const owners = new Map<OutgoingMessage, View>()
  let shared: Publisher | null = null
  const open = (): Publisher =>
    transport.openPublisher({
      onOutcome(message, outcome) {
        const owner = owners.get(message)
        if (owner === undefined) return
        owners.delete(message)
        owner.inFlight -= 1
        owner.listener.onOutcome(message, outcome)
        if (owner.inFlight === 0) owner.onIdle()
      },
      onState(state) {
        for (const { listener } of views) listener.onState(state)
      },
    })
  return {
    openPublisher(listener) {
      const publisher = (shared ??= open())
      const view: View = { listener, inFlight: 0, isClosed: false, onIdle: () => undefined }
      views.add(view)
      return {
        get state() {
          return view.isClosed ? 'closed' : publisher.state
        },
        publish(message) {
          owners.set(message, view)
          view.inFlight += 1
          publisher.publish(message)
        },
        reset() {
          publisher.reset()
        },
        async close() {
          await idle(view)
          view.isClosed = true
          if (!views.delete(view) || views.size > 0) return
          shared = null
          await publisher.close()
        },
      }
    },
    subscribe: (options) => transport.subscribe(options),
    close: () => transport.close(),
  }
}

/** What is in flight gets its outcome within the limits of the transport. */
async function idle(view: View): Promise<void> {
  if (view.inFlight === 0) return
  await new Promise<void>((resolve) => {
    view.onIdle = resolve
  })
}
