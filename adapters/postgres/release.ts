import { WaybillError } from '../../src/ports.ts'
import { SCHEMA_VERSION } from './schema-version.ts'

/** What a schema says of itself. */
export interface Versions {
  readonly schemaVersion: number
  /** The oldest code that may still run on it. */
  readonly minCompatible: number
}

/** What code is to work on which schema. */
export interface Release {
  readonly schema: string
  /** The schema version that the code was written for. @defaultValue that of this release */
  readonly codeVersion?: number
}

/** @throws WaybillError WAYBILL_SCHEMA_TOO_NEW */
export function refuseNewer({ schemaVersion, minCompatible }: Versions, release: Release): void {
  const { schema, codeVersion = SCHEMA_VERSION } = release
  if (minCompatible <= codeVersion) return
  throw new WaybillError('WAYBILL_SCHEMA_TOO_NEW', {
    problem: `Schema "${schema}" has version ${String(schemaVersion)}, which supports code from version ${String(minCompatible)} on.`,
    wanted: `This code is of version ${String(codeVersion)}.`,
    remedy: 'Use a newer release of the package.',
  })
}

/** @throws WaybillError WAYBILL_SCHEMA_TOO_OLD */
export function refuseOlder({ schemaVersion }: Versions, release: Release): void {
  const { schema, codeVersion = SCHEMA_VERSION } = release
  if (schemaVersion >= codeVersion) return
  throw new WaybillError('WAYBILL_SCHEMA_TOO_OLD', {
    problem: `Schema "${schema}" has version ${String(schemaVersion)}.`,
    wanted: `This code needs version ${String(codeVersion)}.`,
    remedy: 'Run `waybill migrate` with this release of the package.',
  })
}
