/** The message that all of them carry. */
export interface PeerMessage {
  readonly orderId: string
  readonly note: string
}

/** What a peer gets to work with. */
export interface PeerSetting {
  readonly databaseUrl: string
  /** Resolves with the broker's confirm. */
  publish(message: PeerMessage): Promise<void>
}

/** Another library, with the settings that its documentation recommends for throughput. */
export interface Peer {
  /** Creates its tables. */
  prepare(setting: PeerSetting): Promise<void>
  /** Stores the messages, as fast as it can. */
  write(setting: PeerSetting, messages: readonly PeerMessage[]): Promise<void>
  /** Resolves when `isDone` says so, having published what was written. Removes or marks each message once it is confirmed. */
  drain(setting: PeerSetting, isDone: Promise<void>): Promise<void>
  /** How many messages it has not marked as done. */
  left(setting: PeerSetting): Promise<number>
}
