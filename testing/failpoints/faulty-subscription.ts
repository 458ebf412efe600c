import {
  WaybillError,
  type Delivery,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionState,
  type Transport,
} from '../../src/ports.ts'
import type { Instance } from './instance.ts'
import { overlay } from './overlay.ts'

/** A subscription that may still be on its way to its first delivery. */
export interface OpenedSubscription {
  readonly subscription: Subscription
  /** Resolves when it consumes for the first time; rejects when it never will. */
  readonly consuming: Promise<void>
}

/** How long to wait before what failed is opened again, as a transport does by itself. */
const REOPEN_MS = 100

interface State {
  readonly transport: Transport
  readonly options: SubscribeOptions
  readonly instance: Instance
  readonly ended: AbortController
  told: SubscriptionState
  current: Subscription | null
  /** Aborted when it is lost: nothing that it has brought is answered from then on. */
  connection: AbortController
  /** Of the connection before; the broker has what was unanswered back after it. */
  closing: Promise<void>
  isDown: boolean
}

/**
 * A subscription of the inner transport that is closed and taken anew when a failpoint says so: the only way to lose it that
 * every transport has, and the broker takes back what was unanswered.
 */
export function openFaultySubscription(
  transport: Transport,
  options: SubscribeOptions,
  instance: Instance,
): OpenedSubscription {
  const { points } = instance
  const state: State = {
    ...{ transport, options, instance },
    ended: new AbortController(),
    told: 'connecting',
    current: null,
    connection: new AbortController(),
    closing: Promise.resolve(),
    isDown: points.isArmed('broker-unavailable'),
  }
  if (state.isDown) points.take('broker-unavailable', undefined)
  const ends = [
    instance.onCrash(() => {
      lose(state)
    }),
    points.onChange(() => {
      const wasDown = state.isDown
      state.isDown = points.isArmed('broker-unavailable')
      if (!state.isDown || wasDown) return
      points.take('broker-unavailable', undefined)
      lose(state)
    }),
  ]
  const end = (): void => {
    for (const each of ends) each()
    state.ended.abort()
  }
  const close = async (): Promise<void> => {
    end()
    if (state.current === null) state.connection.abort()
    await state.current?.close()
    await state.closing
    tell(state, 'closed')
  }
  const subscription: Subscription = {
    get state() {
      return state.told
    },
    async stop() {
      if (state.told === 'closed') return
      state.ended.abort()
      tell(state, 'stopped')
      if (state.current === null) await close()
      else await state.current.stop()
    },
    close,
  }
  const consuming = connect(state, { isFirst: true })
  consuming.catch(end)
  return { subscription, consuming }
}

function tell(state: State, next: SubscriptionState): void {
  if (state.told === next || state.told === 'closed') return
  if (state.told === 'stopped' && next !== 'closed') return
  state.told = next
  state.options.onState?.(next)
}

/** Opens the inner subscription until there is one; the first time, what keeps it from consuming is the caller's to know. */
async function connect(state: State, { isFirst }: { readonly isFirst: boolean }): Promise<void> {
  const { ended, options, instance } = state
  while (isWanted(state)) {
    await state.closing
    await untilUp(state)
    if (!isWanted(state)) break
    const connection = new AbortController()
    state.connection = connection
    try {
      await open(state, connection.signal)
    } catch (error) {
      const isLost = connection.signal.aborted && !ended.signal.aborted
      if (isFirst && !isLost) throw error
      if (!isLost) await instance.clock.sleep(REOPEN_MS, { signal: ended.signal })
    }
  }
  if (isFirst && state.current === null) {
    throw new WaybillError('WAYBILL_NOT_RUNNING', {
      problem: `The subscription of queue "${options.topology.queue}" was closed before it consumed.`,
    })
  }
}

/** A function, as it ends while something is awaited. */
function isWanted({ current, ended }: State): boolean {
  return current === null && !ended.signal.aborted
}

async function open(state: State, connection: AbortSignal): Promise<void> {
  const { transport, options } = state
  const subscription = await transport.subscribe({
    ...options,
    signal: options.signal === undefined ? connection : AbortSignal.any([connection, options.signal]),
    onDelivery(delivery) {
      if (!connection.aborted) handOut(state, delivery, connection)
    },
    onState(next) {
      if (!connection.aborted) tell(state, next)
    },
  })
  if (connection.aborted) await subscription.close()
  else state.current = subscription
}

function lose(state: State): void {
  const { current } = state
  if (state.told === 'closed') return
  state.current = null
  state.connection.abort()
  // One that is still being opened is given up by the signal, and opened again.
  if (current === null) return
  if (state.told !== 'stopped') tell(state, 'connecting')
  // Whatever its end is like, the connection is gone.
  state.closing = current.close().catch(() => undefined)
  if (state.told !== 'stopped') void connect(state, { isFirst: false })
  else void state.closing.then(() => tell(state, 'closed'))
}

function untilUp({ instance: { points }, options, ended }: State): Promise<void> {
  return new Promise((resolve) => {
    const signals = [ended.signal, ...(options.signal === undefined ? [] : [options.signal])]
    const look = (): void => {
      if (points.isArmed('broker-unavailable') && !signals.some(({ aborted }) => aborted)) return
      stopListening()
      for (const signal of signals) signal.removeEventListener('abort', look)
      resolve()
    }
    const stopListening = points.onChange(look)
    for (const signal of signals) signal.addEventListener('abort', look)
    look()
  })
}

function handOut({ options, instance }: State, delivery: Delivery, connection: AbortSignal): void {
  const ifLive = (answer: () => void) => (): void => {
    if (!connection.aborted) answer()
  }
  options.onDelivery(
    overlay(delivery, {
      ack: ifLive(() => delivery.ack()),
      deadLetter: ifLive(() => delivery.deadLetter()),
      release: ifLive(() => delivery.release()),
    }),
  )
  if (instance.points.take('duplicate-delivery', delivery) === null || connection.aborted) return
  options.onDelivery(overlay(delivery, { ack: nothing, deadLetter: nothing, release: nothing }))
}

const nothing = (): void => undefined
