import { expect, test } from 'vitest'
import { judgeAudit } from '../../../scripts/judge-audit.ts'

const report = (vulnerabilities: object): string =>
  JSON.stringify({ auditReportVersion: 2, vulnerabilities, metadata: { dependencies: { total: 85 } } })

test('no advisory is sound, and so are those that are no danger to speak of', () => {
  expect(judgeAudit(report({}))).toEqual({ kind: 'sound', dependencies: 85, lesser: 0 })
  const lesser = { a: { severity: 'moderate', via: ['b'] }, b: { severity: 'low', via: [] } }
  expect(judgeAudit(report(lesser))).toEqual({ kind: 'sound', dependencies: 85, lesser: 2 })
})

test('one that is high or critical is told with its title', () => {
  const via = [{ title: 'Prototype pollution in a' }, 'c']
  const found = {
    a: { severity: 'high', via },
    b: { severity: 'critical', via: ['a'] },
    c: { severity: 'low' },
  }
  expect(judgeAudit(report(found))).toEqual({
    kind: 'advisories',
    names: ['a (high): Prototype pollution in a', 'b (critical)'],
  })
})

test.each([
  [
    '{"message":"405 Method Not Allowed","statusCode":405,"error":{"summary":"","detail":""}}',
    '405 Method Not Allowed',
  ],
  [
    '{"error":{"code":"ENOLOCK","summary":"This command requires an existing lockfile."}}',
    'This command requires an existing lockfile.',
  ],
  ['{"vulnerabilities":{}}', 'npm printed no report.'],
  ['<html>Not here.</html>', 'npm printed no report.'],
  ['null', 'npm printed no report.'],
  ['', 'npm printed no report.'],
])('what is no report is no audit: %s', (printed, why) => {
  expect(judgeAudit(printed)).toEqual({ kind: 'not audited', why })
})
