import { rmSync } from 'node:fs'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onExit } from './on-exit.ts'

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
  const forget = onExit(() => {
    rmSync(path, REMOVAL)
  })
  const remove = async (): Promise<void> => {
    await rm(path, REMOVAL)
    forget()
  }
  return { path, remove, [Symbol.asyncDispose]: remove }
}
