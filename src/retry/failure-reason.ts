/**
 * Why a message is where it is.
 *
 * - `failed`: its handler failed, and it is tried again. `exhausted`: it failed as often, or for as long, as it may.
 * - `permanent`: its handler says that trying again cannot help.
 * - `malformed`, `unknown_type`, `conflict`: it cannot be read; nobody handles its type; its id is another message's.
 * - `suspect`: it came back without an answer and is tried apart. `poison_crash`: it brought its process down.
 * - `blocked`: not tried yet, as another one of its key comes first.
 * - `delivery_limit`, `rejected`, `expired`, `max_length`: why the broker gave it up.
 */
export type FailureReason =
  | ('failed' | 'exhausted' | 'permanent' | 'malformed' | 'unknown_type' | 'conflict')
  | ('suspect' | 'poison_crash' | 'blocked')
  | ('delivery_limit' | 'rejected' | 'expired' | 'max_length')
