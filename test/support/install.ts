import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { run } from './run.ts'

/** Debian's helper asks this file before it starts a service; status 101 means no. */
const POLICY_FILE = '/usr/sbin/policy-rc.d'

/** True for root on Debian, Ubuntu and their kin. */
export function canInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')
}

let queue: Promise<unknown> = Promise.resolve()

/** Installs a package by apt without letting it start a service. One at a time: apt holds a lock. */
export function install(name: string): Promise<void> {
  const installed = queue.then(() => installWithoutService(name))
  queue = installed.catch(() => undefined) // Its own caller sees the failure; the next one may still succeed.
  return installed
}

async function installWithoutService(name: string): Promise<void> {
  console.log(`Installing ${name} by apt-get.`)
  await using _ = await forbidServices()
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  await run('apt-get', ['update', '-qq'], { env })
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', name], { env })
}

/** A machine that has a policy of its own keeps it. */
async function forbidServices(): Promise<AsyncDisposable> {
  if (existsSync(POLICY_FILE)) return { [Symbol.asyncDispose]: () => Promise.resolve() }
  await writeFile(POLICY_FILE, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  return { [Symbol.asyncDispose]: () => rm(POLICY_FILE, { force: true }) }
}
