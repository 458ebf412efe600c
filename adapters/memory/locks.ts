import type { Clock } from '../../src/ports.ts'

/** Somebody who can hold locks: a transaction. */
export type LockOwner = object

/** Thrown to a transaction that waited too long for another one. The same work may succeed when tried again. */
export class MemoryLockTimeout extends Error {
  override readonly name = 'MemoryLockTimeout'

  constructor(lock: string, waitedMs: number) {
    super(`Waited ${String(waitedMs)} ms for another transaction that holds ${lock}.`)
  }
}

export interface Locks {
  /** Waits until nobody else holds the lock, then holds it until {@link releaseAll}. */
  acquire(owner: LockOwner, lock: string): Promise<void>
  /** Whether nobody else holds it. */
  isFree(owner: LockOwner, lock: string): boolean
  /** Gives up all locks of the owner, and its waits, which reject. */
  releaseAll(owner: LockOwner): void
}

interface Waiter {
  readonly owner: LockOwner
  grant(): void
  refuse(error: Error): void
}

interface Lock {
  holder: LockOwner
  readonly waiters: Waiter[]
}

/** Exclusive locks in the order of asking, as row locks and advisory locks of a database behave. */
export function createLocks(clock: Clock, timeoutMs: number): Locks {
  const locks = new Map<string, Lock>()

  const pass = (name: string, lock: Lock): void => {
    const next = lock.waiters.shift()
    if (next === undefined) {
      locks.delete(name)
      return
    }
    lock.holder = next.owner
    next.grant()
  }

  const wait = (name: string, lock: Lock, owner: LockOwner): Promise<void> =>
    new Promise((resolve, reject) => {
      const leave = (): void => {
        cancel()
        const place = lock.waiters.indexOf(waiter)
        if (place >= 0) lock.waiters.splice(place, 1)
      }
      const waiter: Waiter = {
        owner,
        grant() {
          leave()
          resolve()
        },
        refuse(error) {
          leave()
          reject(error)
        },
      }
      const cancel = clock.after(timeoutMs, () => {
        waiter.refuse(new MemoryLockTimeout(name, timeoutMs))
      })
      lock.waiters.push(waiter)
    })

  return {
    async acquire(owner, name) {
      const lock = locks.get(name)
      if (lock === undefined) locks.set(name, { holder: owner, waiters: [] })
      else if (lock.holder !== owner) await wait(name, lock, owner)
    },
    isFree(owner, name) {
      const lock = locks.get(name)
      return lock === undefined || lock.holder === owner
    },
    releaseAll(owner) {
      for (const [name, lock] of [...locks]) {
        for (const waiter of lock.waiters.filter((candidate) => candidate.owner === owner)) {
          waiter.refuse(new Error(`The transaction ended while it waited for ${name}.`))
        }
        if (lock.holder === owner) pass(name, lock)
      }
    },
  }
}
