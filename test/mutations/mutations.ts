import type { Mutation } from './mutant.ts'

/** Long enough that each of these was caught in every trial, short enough for every run of the tests. */
const MINUTES = ['--minutes', '0.25']
const calm = (seed: string): string[] => [...MINUTES, '--seed', seed]
/** Without the sweep a wrong hint is a lost message instead of a late one. */
const unswept = (seed: string): string[] => [...calm(seed), '--no-sweep']

/** Each takes away one thing that a promise rests on, and names the promise that must then be seen to break. */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'plain-nextval',
    breaks: 'The position is drawn before the transaction id: the lower bound hides a record.',
    edits: [
      {
        file: 'adapters/postgres/migrations.ts',
        find: "case\n    when pg_current_xact_id() is not null then nextval('\\${schema:literal}.outbox_id_seq')\n  end",
        replace: "nextval('\\${schema:literal}.outbox_id_seq')",
      },
    ],
    proof: {
      kind: 'test',
      project: 'integration',
      file: 'test/integration/postgres/positions.test.ts',
      reports: ['a writer that was overtaken between its position and its commit is still found'],
    },
  },
  {
    name: 'setval-instead-of-nextval',
    breaks: 'Positions of a quiet leaf are skipped by setting the sequence, which may set it back.',
    edits: [
      {
        file: 'adapters/postgres/statements/rotation.ts',
        find: `select pg_catalog.count(pg_catalog.nextval('\${inLiteral(schema)}.outbox_id_seq'))
from \${schema}.outbox_id_seq cross join lateral pg_catalog.generate_series(1, least($1::bigint, 262144 - (last_value & 262143)))`,
        replace: `select pg_catalog.setval('\${inLiteral(schema)}.outbox_id_seq', last_value + least($1::bigint, 262144 - (last_value & 262143))) - last_value
from \${schema}.outbox_id_seq`,
      },
    ],
    proof: {
      kind: 'test',
      project: 'integration',
      file: 'test/integration/postgres/rotation.test.ts',
      reports: ['> no position is given out twice when writers overtake a burn that is on its way'],
    },
  },
  {
    name: 'low-from-same-fetch',
    breaks:
      'The lower bound is the sequence as the fetch itself has read it, without a write of ours in between.',
    edits: [
      {
        file: 'src/relaying/intake.ts',
        find: 'const mark = marks.markOf(result.snapshot)',
        replace: 'const mark = result.sequence',
      },
    ],
    proof: { kind: 'fuzz', args: unswept('low'), reports: ['VIOLATION lost', 'VIOLATION reordered'] },
  },
  {
    name: 'no-stragglers',
    breaks: 'Records of transactions that were open at the last look are not looked for below the bound.',
    edits: [
      {
        file: 'adapters/postgres/statements/fetch.ts',
        find: 'where straggler.lane = wanted.lane',
        replace: 'where false',
      },
    ],
    proof: { kind: 'fuzz', args: unswept('stragglers'), reports: ['VIOLATION lost', 'VIOLATION reordered'] },
  },
  {
    name: 'look-without-stragglers',
    breaks: 'The quick look of an idle relay does not ask after transactions that were open at the last one.',
    edits: [
      {
        file: 'adapters/postgres/statements/look.ts',
        find: "open ? strayed(schema) : 'false'",
        replace: "open ? 'false' : 'false'",
      },
    ],
    proof: {
      kind: 'test',
      project: 'integration',
      file: 'test/integration/postgres/look.test.ts',
      reports: ['finds what a transaction wrote below that was open when it last looked'],
    },
  },
  {
    name: 'no-min-on-cut-page',
    breaks: 'The lower bound may lie above the end of a page that was cut.',
    edits: [
      {
        file: 'src/relaying/bounds.ts',
        find: 'hints.low = Math.min(page.mark, page.last)',
        replace: 'hints.low = page.mark',
      },
    ],
    proof: {
      kind: 'fuzz',
      args: [...unswept('cut'), '--largest-batch', '4'],
      reports: ['VIOLATION lost', 'VIOLATION reordered'],
    },
  },
  {
    name: 'no-reset',
    breaks: 'Records that are dropped from memory are not looked for again.',
    edits: [
      {
        file: 'src/relaying/memory.ts',
        find: '  dropUnsent(memory, lane)\n  lane.hints = hintsFrom(lane.floor)\n',
        replace: '  dropUnsent(memory, lane)\n',
      },
    ],
    proof: { kind: 'fuzz', args: unswept('reset'), reports: ['VIOLATION lost', 'VIOLATION reordered'] },
  },
  {
    name: 'low-from-same-fetch-swept',
    breaks: 'As above, with the sweep on: it must find what the bound hides, and say so.',
    edits: [
      {
        file: 'src/relaying/intake.ts',
        find: 'const mark = marks.markOf(result.snapshot)',
        replace: 'const mark = result.sequence',
      },
    ],
    proof: { kind: 'fuzz', args: calm('swept'), reports: ['VIOLATION found-by-sweep-only'] },
  },
  {
    name: 'no-sweep',
    breaks: 'A wrong hint is never found out, because the sweep does not look.',
    edits: [
      {
        file: 'src/relaying/intake.ts',
        find: 'const mark = marks.markOf(result.snapshot)',
        replace: 'const mark = result.sequence',
      },
      {
        file: 'src/relaying/sweeping.ts',
        find: 'if (lane.open && !lane.leaving) lane.sweep ??= createLaneSweep()',
        replace: 'void lane',
      },
    ],
    proof: { kind: 'fuzz', args: calm('sweep'), reports: ['VIOLATION lost'] },
  },
  {
    name: 'delete-before-confirm',
    breaks: 'A record is removed although the broker has not said that it holds it.',
    edits: [
      {
        file: 'src/relaying/outflow.ts',
        find: '  return {\n    confirmed: exit.confirmed,\n',
        replace: '  Object.assign(parts, exit)\n  return {\n    confirmed: exit.confirmed,\n',
      },
      {
        file: 'src/relaying/outflow.ts',
        find: '    parts.ports.publish(job)\n',
        replace: '    parts.ports.publish(job)\n    ;(parts as unknown as Exit).confirmed.push(job)\n',
      },
    ],
    proof: { kind: 'fuzz', args: calm('confirm'), reports: ['VIOLATION lost'] },
  },
  {
    name: 'trusts-any-server',
    breaks: 'Hints and bounds are believed whichever server has answered.',
    edits: [
      {
        file: 'src/relaying/bounds.ts',
        find: 'const isElsewhere = server !== null && read.server !== server',
        replace: 'const isElsewhere = false',
      },
    ],
    proof: {
      kind: 'test',
      project: 'unit',
      file: 'test/unit/relaying/rules.test.ts',
      reports: ['another server, however far it has come'],
    },
  },
  {
    name: 'settles-by-position',
    breaks: 'A published record is removed by its place alone, which another one may have got meanwhile.',
    edits: [
      {
        file: 'adapters/postgres/statements/places.ts',
        find: 'where o.message_id = n.message_id',
        replace: 'where n.message_id is not null',
      },
    ],
    proof: {
      kind: 'test',
      project: 'integration',
      file: 'test/integration/postgres/positions.test.ts',
      reports: ['a position given out twice leaves each record to its own settlement'],
    },
  },
  {
    name: 'two-owners',
    breaks: 'Every relay believes that all lanes are its own.',
    edits: [
      {
        file: 'adapters/postgres/statements/claim.ts',
        find: 'null as server from mine',
        replace:
          'null as server from ${schema}.lane as l where not exists (select from taken where taken.lane = l.lane)',
      },
      {
        file: 'adapters/postgres/statements/share.ts',
        find: 'ranked.lanes / ranked.working + (ranked.place <= ranked.lanes % ranked.working)::integer',
        replace: 'ranked.lanes',
      },
      {
        file: 'adapters/postgres/statements/fetch.ts',
        find: ' and held.epoch = given.epoch and held.owner = $1::uuid',
        replace: ' and $1::uuid is not null',
      },
      {
        file: 'adapters/postgres/statements/look.ts',
        find: 'where held.owner = $1::uuid',
        replace: 'where $1::uuid is not null',
      },
    ],
    proof: { kind: 'fuzz', args: calm('owners'), reports: ['VIOLATION reordered', 'VIOLATION duplicated'] },
  },
]
