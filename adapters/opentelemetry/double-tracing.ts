import { trace } from '@opentelemetry/api'

const AMQPLIB = '@opentelemetry/instrumentation-amqplib'

/** So many deliveries are looked at: when something else traces them, it traces the first ones too. */
const LOOKS = 20

const WARNING =
  `Waybill traces the handling of messages, and ${AMQPLIB} traces each delivery once more, as a step beside it. ` +
  'Leave that instrumentation out, or set OTEL_NODE_DISABLED_INSTRUMENTATIONS=amqplib.'

/** Tells once that another instrumentation traces the same deliveries. */
export function createDoubleTracingCheck(): () => string | null {
  let looks = 0
  return () => {
    if (looks >= LOOKS) return null
    looks += 1
    if (scopeOf(trace.getActiveSpan()) !== AMQPLIB) return null
    looks = LOOKS
    return WARNING
  }
}

/** Spans of the SDK name what has made them, which the API does not speak of. */
function scopeOf(span: unknown): string | undefined {
  const scope = (span as { readonly instrumentationScope?: { readonly name?: string } } | undefined)
    ?.instrumentationScope
  return scope?.name
}
