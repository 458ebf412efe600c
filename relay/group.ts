import type { Logger } from '../src/ports.ts'
import type { Relay } from './relay.ts'
import type { RelayStatus } from './status.ts'

export interface NamedRelay {
  /** Which outbox it works on. */
  readonly name: string
  readonly relay: Relay
}

export interface NamedStatus extends RelayStatus {
  /** Null when there is only one. */
  readonly name: string | null
}

/** The relays of one process, each with its own outbox and lanes. */
export interface RelayGroup {
  /**
   * Starts all of them, and resolves when the last one has ended: with the first reason of those that ended by
   * themselves, or null. One that cannot go on leaves the others at work.
   */
  run(): Promise<unknown>
  stop(): Promise<void>
  status(): readonly NamedStatus[]
}

export function groupRelays(members: readonly NamedRelay[], logger: Logger): RelayGroup {
  let isStopping = false
  const shown = (name: string): string | null => (members.length > 1 ? name : null)
  const runOne = async ({ name, relay }: NamedRelay): Promise<unknown> => {
    try {
      await relay.start()
      const { relayId } = relay
      logger.info({ outbox: name, relayId, lanes: relay.status().lanes }, 'The relay runs.')
      return await relay.ended
    } catch (error) {
      return error
    }
  }
  return {
    async run() {
      const ends = members.map(async (member) => {
        const failure = await runOne(member)
        const othersGoOn = members.length > 1 && failure !== null && !isStopping
        if (othersGoOn)
          logger.error({ outbox: member.name, error: failure }, 'One of several relays has ended.')
        return failure
      })
      return (await Promise.all(ends)).find((failure) => failure !== null) ?? null
    },
    async stop() {
      isStopping = true
      await Promise.all(members.map(({ relay }) => relay.stop()))
    },
    status: () => members.map(({ name, relay }) => ({ ...relay.status(), name: shown(name) })),
  }
}
