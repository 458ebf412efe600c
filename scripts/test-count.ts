import type { Reporter, TestModule } from 'vitest/node'

export interface CountRules {
  readonly skippedFails: boolean
  readonly emptyProjectFails: boolean
}

export interface Count {
  readonly passed: number
  readonly failed: number
  /** Why something failed that the runner itself does not report as a failure. */
  readonly remarks: readonly string[]
}

export interface Counter {
  readonly reporter: Reporter
  result(projects: readonly string[]): Count
}

/** Counts what ran, more strictly than the runner does. */
export function countTests(rules: CountRules): Counter {
  let modules: readonly TestModule[] = []
  let strayErrors = 0
  return {
    reporter: {
      onTestRunEnd(testModules, unhandledErrors) {
        modules = testModules
        strayErrors = unhandledErrors.length
      },
    },
    result(projects) {
      const remarks: string[] = []
      let passed = 0
      let failed = strayErrors
      for (const module of modules) {
        const counted = countModule(module, rules)
        passed += counted.passed
        failed += counted.failed
        remarks.push(...counted.remarks)
      }
      const empty = rules.emptyProjectFails ? emptyProjects(projects, modules) : []
      remarks.push(...empty.map((name) => `No test ran in the project ${name}.`))
      return { passed, failed: failed + empty.length, remarks }
    },
  }
}

function countModule(module: TestModule, rules: CountRules): Count {
  const remarks: string[] = []
  let passed = 0
  let failed = module.errors().length
  for (const test of module.children.allTests()) {
    const { state } = test.result()
    if (state === 'passed') passed += 1
    else if (state === 'failed' || rules.skippedFails) failed += 1
    if (state !== 'passed' && state !== 'failed' && rules.skippedFails) {
      remarks.push(`Not run: ${module.relativeModuleId} > ${test.fullName}`)
    }
  }
  return { passed, failed, remarks }
}

function emptyProjects(projects: readonly string[], modules: readonly TestModule[]): string[] {
  const withTests = new Set(modules.map((module) => module.project.name))
  return projects.filter((name) => !withTests.has(name))
}
