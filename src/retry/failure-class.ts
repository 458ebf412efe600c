/**
 * Why something failed, as far as trying again is concerned.
 *
 * - `infrastructure`: the database or broker is not there; wait for it and spend no attempt.
 * - `transient`: the same work may succeed at once (serialization failure, deadlock, lock timeout).
 * - `permanent`: nothing is known that says that trying again helps.
 */
export type FailureClass = 'infrastructure' | 'transient' | 'permanent'
