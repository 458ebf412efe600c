/** Something that runs until it is stopped: a relay, a consumer. */
export interface Service extends AsyncDisposable {
  /** Resolves when it is ready to work. Calling it again returns the same start. */
  start(): Promise<void>
  /** Finishes what runs, then resolves. May be called twice, and before `start`. */
  stop(): Promise<void>
}
