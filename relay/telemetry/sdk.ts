import type { NodeSDK } from '@opentelemetry/sdk-node'
import { WaybillError } from '../../src/index.ts'
import { systemClock, type Logger } from '../../src/ports.ts'
import type { OpenTelemetrySettings } from '../config/open-telemetry.ts'

export interface Sdk {
  /** Sends what is still to be sent, for a limited time. Never rejects. */
  close(): Promise<void>
}

/** A collector that is away must not keep a relay from stopping. */
const FLUSH_MS = 5000

/**
 * Starts the SDK of OpenTelemetry, which reads its own variables: where to send, how to sample. It is an optional peer, since
 * most services have one of their own.
 * @throws WaybillError WAYBILL_CONFIGURATION_INVALID when it is not installed.
 */
export async function startSdk({ serviceName }: OpenTelemetrySettings, logger: Logger): Promise<Sdk> {
  const { NodeSDK: Sdk } = await loadSdk()
  const sdk = new Sdk({ instrumentations: [], ...(serviceName !== null && { serviceName }) })
  sdk.start()
  return { close: () => closeWithin(sdk, logger) }
}

async function loadSdk(): Promise<typeof import('@opentelemetry/sdk-node')> {
  try {
    return await import('@opentelemetry/sdk-node')
  } catch (cause) {
    throw new WaybillError('WAYBILL_CONFIGURATION_INVALID', {
      problem: 'The variables of OpenTelemetry ask for traces, and its SDK cannot be loaded.',
      remedy: 'Install it with `npm install @opentelemetry/sdk-node`, or set OTEL_SDK_DISABLED=true.',
      cause,
    })
  }
}

async function closeWithin(sdk: NodeSDK, logger: Logger): Promise<void> {
  const over = new AbortController()
  const late = systemClock.sleep(FLUSH_MS, { signal: over.signal }).then(() => {
    if (!over.signal.aborted) logger.warn({ limitMs: FLUSH_MS }, 'Not all traces could be sent in time.')
  })
  try {
    await Promise.race([sdk.shutdown(), late])
  } catch (error) {
    logger.warn({ error }, 'The last traces could not be sent.')
  } finally {
    over.abort()
  }
}
