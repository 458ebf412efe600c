import { error, ok, unchecked, warning, type Check, type Verdict } from '../check.ts'
import type { TopologyFacts } from '../facts.ts'

type Exchange = TopologyFacts['broker']['exchanges'][number]

export const exchanges: Check<TopologyFacts> = {
  code: 'BROKER_EXCHANGES',
  wanted: 'Exchanges that messages wait for, with the right to publish to them.',
  remedy:
    'Create what is missing, grant `write` (and `configure` unless WAYBILL_TOPOLOGY=verify), or name another one in --exchange.',
  worst: 'error',
  look: ({ broker, topology, names }) => {
    if (broker.exchanges.length === 0) {
      return names.exchanges === null
        ? unchecked('This role may not read the outbox; name exchanges by --exchange.')
        : unchecked('No message waits that would name one; name exchanges by --exchange.')
    }
    return broker.exchanges.map((exchange) => verdict(exchange, topology))
  },
}

function verdict({ name, state, detail }: Exchange, topology: TopologyFacts['topology']): Verdict {
  const because = `Exchange "${name}": ${detail}`
  switch (state) {
    case 'usable':
      return ok(`Exchange "${name}" can be published to.`)
    case 'missing':
      return topology === 'verify' ? error(because) : warning(`${because}. A relay would declare it.`)
    case 'forbidden':
      return error(because)
    case 'undeclarable':
      return topology === 'verify' ? ok(`Exchange "${name}" can be published to.`) : error(because)
  }
}
