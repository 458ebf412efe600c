import type { NodeSDK } from '@opentelemetry/sdk-node'
import { WaybillError } from '../../src/index.ts'
import { systemClock, type Logger } from '../../src/ports.ts'
import type { OpenTelemetrySettings } from '../config/open-telemetry.ts'

export interface Sdk {
  /** Sends what is still to be sent, for a limited time. Never rejects. */
  close(): Promise<void>
}

interface SdkSurroundings {
  readonly logger: Logger
  /** How long the whole process may take to stop. */
  readonly stopWithinMs: number
  /** Called between the making, which may give the SDK a logger of its own, and the start. */
  readonly onMade: () => void
}

/** A collector that is away must not keep a relay from stopping. */
const FLUSH_MS = 5000
/** Of the time that a relay has to stop. */
const FLUSH_SHARE = 0.2
/** After which a request to a collector that hangs no longer keeps the process. */
const LINGER_MS = 500

/**
 * Starts the SDK of OpenTelemetry, which reads its own variables: where to send, how to sample. It is an optional peer, since
 * most services have one of their own.
 * @throws WaybillError WAYBILL_CONFIGURATION_INVALID when it is not installed.
 */
export async function startSdk(
  { serviceName, metrics }: OpenTelemetrySettings,
  { logger, stopWithinMs, onMade }: SdkSurroundings,
): Promise<Sdk> {
  const { NodeSDK: Sdk } = await loadSdk()
  const sdk = new Sdk({
    ...{ instrumentations: [], logRecordProcessors: [] },
    ...(serviceName !== null && { serviceName }),
    ...(!metrics && { metricReaders: [] }),
  })
  onMade()
  sdk.start()
  const limitMs = Math.min(FLUSH_MS, stopWithinMs * FLUSH_SHARE)
  return { close: () => closeWithin(limitMs, { sdk, logger }) }
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

async function closeWithin(
  limitMs: number,
  { sdk, logger }: { readonly sdk: NodeSDK; readonly logger: Logger },
): Promise<void> {
  const over = new AbortController()
  const late = systemClock.sleep(limitMs, { signal: over.signal }).then(() => {
    if (over.signal.aborted) return
    logger.warn({ limitMs }, 'Not all traces could be sent in time.')
    systemClock.after(LINGER_MS, () => process.exit())
  })
  try {
    await Promise.race([sdk.shutdown(), late])
  } catch (error) {
    logger.warn({ error }, 'The last traces could not be sent.')
  } finally {
    over.abort()
  }
}
