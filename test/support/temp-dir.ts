import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { whenWeAreGone } from './guard.ts'

export interface TempDir extends AsyncDisposable {
  readonly path: string
  remove(): Promise<void>
}

export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** A process that is just ending may still write into it. */
const REMOVAL = { recursive: true, force: true, maxRetries: 5, retryDelay: 100 } as const

/** A fresh directory, given to `owner` when there is one; gone with all it holds on dispose or with this process. */
export async function createTempDir(name = 'waybill', owner?: Owner): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), `${name}-`))
  if (owner) await chown(path, owner.uid, owner.gid)
  // A second later, so that servers which live in it have ended.
  const forget = whenWeAreGone('sleep 1; rm -rf -- "$1"', path)
  const remove = async (): Promise<void> => {
    await rm(path, REMOVAL)
    forget()
  }
  return { path, remove, [Symbol.asyncDispose]: remove }
}
