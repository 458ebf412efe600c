import { defineMessages, messageType } from '../../src/index.ts'

/** What a handler is to do with a message beside its effect, as its writer wants it. */
export type Act =
  /** Throws at its first `times` attempts. */
  | { readonly kind: 'fail'; readonly times: number }
  /** Throws what no further attempt can mend. */
  | { readonly kind: 'never' }
  /** Ends its process in the middle, at its first `times` attempts. */
  | { readonly kind: 'crash'; readonly times: number }
  /** Takes so long. */
  | { readonly kind: 'hang'; readonly ms: number }
  /** Lets nothing else of its process run for so long. */
  | { readonly kind: 'block'; readonly ms: number }

export interface Payload {
  /** Of the aggregate, which is the key: grows by one with each message that is committed. */
  readonly version: number
  readonly act?: Act
}

export const EXCHANGES = ['fault.red', 'fault.green', 'fault.blue'] as const

const typeOn = (exchange: string) => messageType<Payload>({ exchange, partitioned: true })
const catalogue = defineMessages(
  {
    'fault.red': typeOn('fault.red'),
    'fault.green': typeOn('fault.green'),
    'fault.blue': typeOn('fault.blue'),
  },
  { source: 'faults' },
)
export type Messages = typeof catalogue
export const messages: Messages = catalogue

/** Keys of one exchange stay with it, so that their order can be seen where the messages arrive. */
export const typeOf = (aggregate: number): (typeof EXCHANGES)[number] =>
  EXCHANGES[aggregate % EXCHANGES.length] ?? 'fault.red'
