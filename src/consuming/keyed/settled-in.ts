import type { Partition } from './partition.ts'

/** Tells when every partition has its queue, so that from then on no message misses its place. */
export interface SettledIn {
  readonly isDone: boolean
  readonly promise: Promise<void>
  /** All queues are there when this one is consumed. One that has gone to others meanwhile says nothing. */
  follow(partition: Partition): void
  readonly resolve: () => void
  /** It will never come to that. Says nothing once it has. */
  readonly reject: (error: unknown) => void
}

export function createSettledIn(): SettledIn {
  const self = { isDone: false, resolve: (): void => undefined, reject: (_error: unknown): void => undefined }
  const promise = new Promise<void>((resolve, reject) => {
    self.resolve = resolve
    self.reject = reject
  })
  const resolve = (): void => {
    self.isDone = true
    self.resolve()
  }
  return {
    get isDone() {
      return self.isDone
    },
    promise,
    follow(partition) {
      partition.opening.then(resolve, (error: unknown) => {
        if (partition.state !== 'left') self.reject(error)
      })
    },
    resolve,
    reject: (error) => {
      self.reject(error)
    },
  }
}
