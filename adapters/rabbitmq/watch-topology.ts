import type { ResolvedOptions } from './options.ts'
import type { Session } from './session.ts'
import { declareTopology, type TopologyStep } from './topology.ts'
import { findMissing, topologyMissing } from './verify.ts'

/** Spread by a quarter, as all instances of a consumer look. */
const LOOK_MS = 20_000

/**
 * Looks now and then whether the way of dead letters is still there, and declares it anew where that is wanted. Nobody is
 * told when an exchange or a binding is deleted: the broker then keeps in the queue what it has given up, without a word.
 *
 * @returns what ends it.
 */
export function watchTopology(
  session: Session,
  { queue, steps }: { readonly queue: string; readonly steps: readonly TopologyStep[] },
  { topology, clock, logger }: ResolvedOptions,
): () => void {
  let told = ''
  const look = async (): Promise<void> => {
    const missing = await findMissing(session, steps)
    const names = missing.map(({ name }) => name).join()
    if (names !== '' && names !== told) {
      const err = topologyMissing(missing)
      logger.error(
        { err, queue },
        'What the broker gives up stays in its queue and does not become a dead letter.',
      )
    }
    told = names
    if (topology === 'declare') await declareTopology(session, steps)
  }
  const turn = async (): Promise<void> => {
    try {
      await look()
    } catch (error) {
      if (session.alive) logger.warn({ err: error, queue }, 'The way of dead letters could not be looked at.')
    }
    if (session.alive) cancel = rest()
  }
  const rest = (): (() => void) =>
    clock.after(LOOK_MS * (0.75 + Math.random() / 2), () => {
      void turn()
    })
  let cancel = rest()
  return () => {
    cancel()
  }
}
