/** Ways in which the broker fails on purpose, for tests. */
export interface BrokerFaults {
  /** Breaks all connections once; they come back by themselves. What was unconfirmed or unanswered is in doubt. */
  dropConnections(): void
  /** Breaks all connections and refuses new ones until {@link comeBack}. */
  goDown(): void
  comeBack(): void
  /** Asks publishers to wait, as a broker does that is short of memory or disk. */
  block(): void
  unblock(): void
  /** The next `count` messages arrive twice in each queue. */
  duplicate(count: number): void
  /** Publishing to the exchange is `gated` until {@link openGate}. */
  closeGate(exchange: string): void
  openGate(exchange: string): void
  /** Publishing to the exchange is `refused` while on, as by a full queue. */
  refuse(exchange: string, on: boolean): void
  /** Messages are taken but not confirmed until {@link releaseConfirms}. */
  holdConfirms(): void
  releaseConfirms(): void
}

/** A connection as faults see it. */
export interface FaultyConnection {
  drop(): void
  changed(): void
}

/** What connections ask. */
export interface FaultState {
  readonly isDown: boolean
  readonly isBlocked: boolean
  readonly confirmsHeld: boolean
  isGated(exchange: string): boolean
  isRefused(exchange: string): boolean
  /** Whether the next message is to arrive twice; counts it. */
  takeDuplicate(): boolean
  /** @returns a function that ends the listening. */
  connect(connection: FaultyConnection): () => void
}

export function createFaults(): { readonly faults: BrokerFaults; readonly state: FaultState } {
  const connections = new Set<FaultyConnection>()
  const gated = new Set<string>()
  const refused = new Set<string>()
  const now = { isDown: false, isBlocked: false, confirmsHeld: false, duplicates: 0 }

  const set = (change: Partial<typeof now>): void => {
    Object.assign(now, change)
    for (const connection of [...connections]) connection.changed()
  }
  const drop = (): void => {
    for (const connection of [...connections]) connection.drop()
  }

  const faults: BrokerFaults = {
    dropConnections: drop,
    goDown() {
      set({ isDown: true })
      drop()
    },
    comeBack: () => {
      set({ isDown: false })
    },
    block: () => {
      set({ isBlocked: true })
    },
    unblock: () => {
      set({ isBlocked: false })
    },
    duplicate: (count) => {
      set({ duplicates: count })
    },
    closeGate: (exchange) => void gated.add(exchange),
    openGate: (exchange) => void gated.delete(exchange),
    refuse(exchange, on) {
      if (on) refused.add(exchange)
      else refused.delete(exchange)
    },
    holdConfirms: () => {
      set({ confirmsHeld: true })
    },
    releaseConfirms: () => {
      set({ confirmsHeld: false })
    },
  }
  const state: FaultState = {
    get isDown() {
      return now.isDown
    },
    get isBlocked() {
      return now.isBlocked
    },
    get confirmsHeld() {
      return now.confirmsHeld
    },
    isGated: (exchange) => gated.has(exchange),
    isRefused: (exchange) => refused.has(exchange),
    takeDuplicate() {
      if (now.duplicates === 0) return false
      now.duplicates -= 1
      return true
    },
    connect(connection) {
      connections.add(connection)
      return () => connections.delete(connection)
    },
  }
  return { faults, state }
}
