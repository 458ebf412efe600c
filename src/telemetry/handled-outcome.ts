/**
 * `failed`, `malformed`, `conflict`: kept as a failure. `suspect`: kept, to be tried apart from others. `waiting`: kept behind
 * another one of its key.
 */
export type HandledOutcome =
  | ('handled' | 'duplicate' | 'ignored' | 'released')
  | ('failed' | 'malformed' | 'conflict' | 'suspect' | 'waiting')
