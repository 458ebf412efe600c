import { runStep, type Step } from './step.ts'

/** All that can be said about the code without a server. The longest come first, so that the two lanes end together. */
const STEPS: readonly Step[] = [
  { name: 'lint', command: 'eslint .' },
  { name: 'build', command: 'tsdown --log-level warn' },
  { name: 'tests', command: 'tsx scripts/test.ts --project unit --project types --project tidy' },
  { name: 'package', command: 'tsx scripts/check-package.ts', after: ['build'] },
  { name: 'types', command: 'tsc' },
  { name: 'declarations', command: 'tsc -p tsconfig.build.json' },
  { name: 'imports', command: 'depcruise .' },
  { name: 'format', command: 'prettier --check --log-level warn .' },
  { name: 'unused', command: 'knip' },
]

/** Two at once: more would only fight over the cores of a small machine. */
const LANES = 2

const waiting = new Set(STEPS)
const passed = new Set<string>()
const failed = new Set<string>()

await Promise.all(Array.from({ length: LANES }, lane))
const startedAt = process.uptime().toFixed(0)
console.log(`${passed.size} of ${STEPS.length} checks passed in ${startedAt} s.`)
process.exitCode = passed.size === STEPS.length ? 0 : 1

async function lane(): Promise<void> {
  for (let step = next(); step; step = next()) await take(step)
}

/** The next step that can run now. One whose groundwork is still under way is left to the lane that does that. */
function next(): Step | undefined {
  for (const step of waiting) {
    if (!(step.after ?? []).every((name) => passed.has(name) || failed.has(name))) continue
    waiting.delete(step)
    return step
  }
  return undefined
}

async function take(step: Step): Promise<void> {
  const missing = (step.after ?? []).filter((name) => failed.has(name))
  if (missing.length > 0) {
    failed.add(step.name)
    console.log(`✗ ${step.name}: not run, because ${missing.join(' and ')} failed`)
    return
  }
  const { ok, seconds, output } = await runStep(step)
  ;(ok ? passed : failed).add(step.name)
  console.log(`${ok ? '✓' : '✗'} ${step.name} ${seconds.toFixed(1)} s`)
  if (!ok) console.log(`  ${step.command}\n${output}`)
}
