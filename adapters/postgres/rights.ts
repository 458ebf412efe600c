import { HISTORY_LEAVES } from './statements/history-leaves.ts'

/** Who works on the schema beside its owner. */
export type Role = 'writer' | 'relay' | 'consumer' | 'operator'

/** What a role may do with some things of one kind. */
export interface Right {
  readonly on: 'table' | 'sequence' | 'routine'
  /** Without the schema. */
  readonly names: readonly string[]
  readonly privileges: readonly string[]
}

const LEAVES = [0, 1, 2, 3].map((leaf) => `outbox_${String(leaf)}`)
const HISTORY = Array.from({ length: HISTORY_LEAVES }, (_, leaf) => `history_${String(leaf)}`)

/** The outbox, and by hand: `waybill.write` in triggers and other languages. Both run with the rights of their caller. */
const WRITING: readonly Right[] = [
  { on: 'table', names: ['meta'], privileges: ['select'] },
  { on: 'table', names: ['outbox', 'history'], privileges: ['insert'] },
  { on: 'table', names: ['scheduled'], privileges: ['select', 'insert', 'delete'] },
  { on: 'sequence', names: ['outbox_id_seq'], privileges: ['usage'] },
  {
    on: 'routine',
    names: [
      ...['append', 'append_with_history', 'write', 'schedule', 'cancel', 'new_record', 'with_routing'],
      ...['history_minute', 'id_minute'],
      ...['is_name', 'new_message_id', 'lane_of', 'crc32'],
    ],
    privileges: ['execute'],
  },
]

/** Replay, discard and restore, one by one or many, with the record of it. Relays do it bit by bit. */
const REPAIRING: readonly Right[] = [
  { on: 'table', names: ['failed_message', 'dead_letter'], privileges: ['select'] },
  { on: 'table', names: ['failure'], privileges: ['select', 'update'] },
  { on: 'table', names: ['audit_event'], privileges: ['select', 'insert'] },
  {
    on: 'table',
    names: ['bulk_operation', 'bulk_item', 'idempotency_key'],
    privileges: ['select', 'insert', 'update'],
  },
  {
    on: 'routine',
    names: ['stored_header', 'plain_fingerprint', 'lock_key', 'release_key'],
    privileges: ['execute'],
  },
]

/** Gives a consumer another name in all that is kept of it. */
const RENAMING: readonly Right[] = [
  { on: 'table', names: ['inbox', 'inbox_retention', 'partition'], privileges: ['select', 'update'] },
  { on: 'table', names: ['consumer_instance', 'partition_member'], privileges: ['select', 'delete'] },
  { on: 'table', names: ['partition_plan'], privileges: ['select', 'insert', 'delete'] },
  { on: 'table', names: ['consumed_type'], privileges: ['select', 'update', 'delete'] },
]

/** All that each role needs beside the use of the schema itself; the grants and `waybill doctor` are made of it. */
export const RIGHTS: Readonly<Record<Role, readonly Right[]>> = {
  writer: WRITING,
  relay: [
    { on: 'table', names: ['meta'], privileges: ['select'] },
    { on: 'table', names: ['outbox'], privileges: ['select', 'insert', 'delete'] },
    { on: 'table', names: ['scheduled'], privileges: ['select', 'delete', 'update'] },
    { on: 'table', names: [...LEAVES, ...HISTORY], privileges: ['select', 'truncate'] },
    { on: 'table', names: ['history'], privileges: ['select', 'insert'] },
    { on: 'table', names: ['history_kept'], privileges: ['select', 'update'] },
    { on: 'routine', names: ['history_minute', 'id_minute'], privileges: ['execute'] },
    { on: 'sequence', names: ['outbox_id_seq'], privileges: ['select', 'usage'] },
    { on: 'table', names: ['parked', 'relay'], privileges: ['select', 'insert', 'update', 'delete'] },
    { on: 'table', names: ['lane'], privileges: ['select', 'update'] },
    { on: 'table', names: ['cluster'], privileges: ['select', 'insert'] },
    { on: 'routine', names: ['live_cluster'], privileges: ['execute'] },
    { on: 'table', names: ['pause', 'inbox'], privileges: ['select'] },
    ...REPAIRING,
    // It forgets what has ended long ago; operators only add.
    { on: 'table', names: ['bulk_operation', 'idempotency_key'], privileges: ['delete'] },
  ],
  operator: [
    { on: 'table', names: LEAVES, privileges: ['select'] },
    {
      on: 'table',
      names: ['meta', 'outbox', 'scheduled', 'relay', 'lane', 'failure_attempt', 'history_kept', 'cluster'],
      privileges: ['select'],
    },
    { on: 'table', names: ['history'], privileges: ['select', 'insert'] },
    { on: 'table', names: ['outbox'], privileges: ['insert'] },
    { on: 'sequence', names: ['outbox_id_seq'], privileges: ['usage'] },
    {
      on: 'routine',
      names: ['history_minute', 'id_minute', 'id_digest', 'live_cluster'],
      privileges: ['execute'],
    },
    { on: 'table', names: ['failure', 'parked'], privileges: ['select', 'insert', 'update'] },
    { on: 'table', names: ['pause'], privileges: ['select', 'insert', 'update', 'delete'] },
    ...RENAMING,
    ...REPAIRING,
  ],
  consumer: [
    ...WRITING,
    {
      on: 'table',
      names: [
        ...['inbox', 'inbox_retention', 'inbox_pruning', 'partition', 'partition_member', 'partition_plan'],
        ...['failure', 'failure_attempt', 'consumer_instance', 'consumed_type'],
      ],
      privileges: ['select', 'insert', 'update', 'delete'],
    },
    { on: 'table', names: ['pause'], privileges: ['select'] },
    {
      on: 'routine',
      names: ['live_cluster', 'remember', 'remember_in_order', 'is_blocked', 'lock_key', 'release_key'],
      privileges: ['execute'],
    },
  ],
}
