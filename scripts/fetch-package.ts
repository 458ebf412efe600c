import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'

const CACHE = resolve('node_modules/.cache/waybill-packages')

/**
 * Fetches a package that is no dependency of anybody, once, and tells where it lies. Its install scripts do not run.
 * npm itself checks what it gets.
 */
export function fetchPackage(name: string, version: string): string {
  const place = join(CACHE, `${name.replaceAll('/', '-')}-${version}`)
  const found = join(place, 'node_modules', name)
  if (existsSync(found)) return found
  const fresh = `${place}.new`
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { recursive: true })
  console.log(`Fetching ${name} ${version}.`)
  const flags = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock', '--silent']
  execFileSync('npm', ['install', '--prefix', fresh, ...flags, `${name}@${version}`], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  // Moved when it is whole, so that a fetch that was broken off is not taken for one.
  renameSync(fresh, place)
  return found
}
