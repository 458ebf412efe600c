import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { DOORS } from './scripts/doors.ts'
import { PATIENCE_MS } from './testing/contracts/patience.ts'

const SERVERS = ['./test/support/global-setup.ts']

/** Twice as long as a test waits for one fact: a machine with one slow core passes too, and a fast one loses nothing. */
const TIMEOUTS = { testTimeout: 2 * PATIENCE_MS, hookTimeout: 2 * PATIENCE_MS }

/** `npm run test:all` and `npm run test:faults` run these too. */
const LONG = process.env['LONG_TESTS'] === 'yes' ? [] : ['**/*.long.test.ts']

/** Code that imports the package by its name (the examples) is tested on the source, without a build. */
const alias = Object.entries(DOORS).map(([door, source]) => ({
  find: new RegExp(door === 'index' ? '^waybill$' : `^waybill/${door}$`),
  replacement: fileURLToPath(new URL(source, import.meta.url)),
}))

/** One project for each folder of test/. What touches a server says so here and nowhere else. */
function project(name: string, extra: NonNullable<ViteUserConfig['test']> = {}): ViteUserConfig {
  return {
    resolve: { alias },
    test: { name, include: [`test/${name}/**/*.test.ts`], exclude: LONG, ...TIMEOUTS, ...extra },
  }
}

const config: ViteUserConfig = defineConfig({
  test: {
    // A test that passes at the second try has found something.
    retry: 0,
    maxWorkers: 2,
    teardownTimeout: 60_000,
    projects: [
      project('unit'),
      project('model'),
      project('tidy'),
      project('types', {
        include: [],
        typecheck: {
          enabled: true,
          only: true,
          include: ['test/types/**/*.test-d.ts'],
          tsconfig: './tsconfig.types.json',
        },
      }),
      project('contract', { globalSetup: SERVERS }),
      project('integration', { globalSetup: SERVERS }),
      // Not among those of `npm test`: it waits for alerts.
      project('observability', { globalSetup: SERVERS }),
      // Each file has servers of its own, which it may kill.
      project('faults'),
      project('e2e', { globalSetup: SERVERS }),
    ],
  },
})

export default config
