import { defineConfig, type ViteUserConfig } from 'vitest/config'

const SERVERS = ['./test/support/global-setup.ts']

/** Generous: a machine with one slow core passes too. Tests wait for facts, so that a fast one loses nothing. */
const TIMEOUTS = { testTimeout: 60_000, hookTimeout: 120_000 }

/** One project for each folder of test/. What touches a server says so here and nowhere else. */
function project(name: string, extra: NonNullable<ViteUserConfig['test']> = {}): ViteUserConfig {
  return { test: { name, include: [`test/${name}/**/*.test.ts`], ...TIMEOUTS, ...extra } }
}

const config: ViteUserConfig = defineConfig({
  test: {
    retry: 0,
    maxWorkers: 2,
    teardownTimeout: 60_000,
    projects: [
      project('unit', { testTimeout: 10_000 }),
      project('tidy'),
      project('types', {
        include: [],
        typecheck: { enabled: true, only: true, include: ['test/types/**/*.test-d.ts'] },
      }),
      project('contract', { globalSetup: SERVERS }),
      project('integration', { globalSetup: SERVERS }),
      project('e2e', { globalSetup: SERVERS }),
    ],
  },
})

export default config
