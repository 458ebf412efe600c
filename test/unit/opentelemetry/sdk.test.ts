import { diag } from '@opentelemetry/api'
import { expect, it, vi } from 'vitest'
import { logDiagnostics } from '../../../adapters/opentelemetry/index.ts'
import { readOpenTelemetry } from '../../../relay/config/open-telemetry.ts'
import { startSdk } from '../../../relay/telemetry/sdk.ts'
import { silentLogger } from '../../../src/ports.ts'
import { recordLog } from '../consuming/setup.ts'

vi.mock('@opentelemetry/sdk-node', () => {
  throw new Error('Cannot find package.')
})

it('says what to install when the SDK is not there', async () => {
  const around = { logger: silentLogger, stopWithinMs: 1000, onMade: () => undefined }
  const started = startSdk({ serviceName: null, metrics: false, logLevel: undefined }, around)
  await expect(started).rejects.toMatchObject({
    code: 'WAYBILL_CONFIGURATION_INVALID',
    message: expect.stringContaining('npm install @opentelemetry/sdk-node') as string,
  })
})

it('brings what the SDK says to the logger, its errors as warnings', () => {
  const { logger, log } = recordLog()
  logDiagnostics(logger)
  diag.error('{"code":"ECONNREFUSED"}', new Error('Away.'))
  diag.warn('Odd.')
  diag.info('There.')
  diag.debug('Not wanted.')
  expect(log.map(({ level, fields }) => [level, fields])).toEqual([
    ['warn', { reason: '{"code":"ECONNREFUSED"}', more: ['Error: Away.'] }],
    ['warn', { reason: 'Odd.' }],
    ['info', { reason: 'There.' }],
  ])
  logDiagnostics(logger, 'error')
  diag.warn('Not wanted.')
  expect(log).toHaveLength(3)
  diag.disable()
})

it.each([
  [{}, null],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, null],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, { serviceName: 'waybill-relay', metrics: true }],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c:4318' }, { serviceName: 'waybill-relay', metrics: false }],
  [
    { OTEL_TRACES_EXPORTER: 'console', OTEL_METRICS_EXPORTER: 'otlp' },
    { serviceName: 'waybill-relay', metrics: true },
  ],
  [
    { OTEL_TRACES_EXPORTER: 'otlp', OTEL_SERVICE_NAME: 'x' },
    { serviceName: null, metrics: false },
  ],
  [
    { OTEL_TRACES_EXPORTER: 'otlp', OTEL_RESOURCE_ATTRIBUTES: 'a=b,service.name=x' },
    { serviceName: null, metrics: false },
  ],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_SDK_DISABLED: 'TRUE' }, null],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_TRACES_EXPORTER: 'none' }, null],
])('of %j it wants %j', (env, settings) => {
  expect(readOpenTelemetry(env)).toEqual(settings)
})
