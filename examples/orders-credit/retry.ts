import type { RetryOptions } from 'waybill'

/**
 * Three attempts within two seconds, so that there are dead letters soon. A service of yours leaves it out: ten attempts over
 * half an hour outlast most of what goes wrong.
 */
export const QUICK_RETRY: RetryOptions = { attempts: 3, baseMs: 200, maxMs: 500 }
