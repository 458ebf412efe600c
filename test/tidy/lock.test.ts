import { expect, it } from 'vitest'
import { textOf } from './repository.ts'

interface LockedPackage {
  readonly resolved?: string
  readonly link?: boolean
  readonly integrity?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

const { packages } = JSON.parse(textOf('package-lock.json')) as Lock
const installed = Object.entries(packages).filter(([path]) => path !== '')

it('names no registry, so that any mirror serves', () => {
  expect(installed.filter(([, { resolved }]) => resolved !== undefined)).toEqual([])
  expect(textOf('.npmrc')).not.toMatch(/^\s*(@[\w-]+:)?registry\s*=/m)
})

it('pins what each package contains', () => {
  const loose = installed.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))
  expect(loose.map(([path]) => path)).toEqual([])
})

it('locks the packages of every platform, without which npm ci refuses to start', () => {
  const locked = new Set(installed.map(([path]) => path.split('node_modules/').at(-1)))
  const missing = installed.flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !locked.has(name))
      .map((name) => `${name}, wanted by ${path}`),
  )
  expect(missing).toEqual([])
})
