-- The outbox and what relays need to share it.
-- min-compatible: 1

-- Positions are read as JavaScript numbers, hence the upper end. A cache above 1 would hand out positions out of
-- order and break the rule by which relays know where to look.
create sequence ${schema}.outbox_id_seq as bigint minvalue 1 maxvalue 9007199254740991 cache 1 no cycle;

-- A record exists exactly as long as it is not published.
-- The default of id assigns the transaction id first: a relay relies on "a transaction id taken after a position was
-- read brings only higher positions". CASE fixes the order of evaluation, which a plain nextval would not.
create table ${schema}.outbox (
  id bigint not null default case
    when pg_current_xact_id() is not null then nextval('${schema:literal}.outbox_id_seq')
  end,
  xid xid8 not null default pg_current_xact_id(),
  lane smallint not null check (lane between 0 and 15),
  version integer not null default 1 check (version >= 1),
  created_at timestamptz not null default clock_timestamp(),
  message_id uuid not null,
  key text,
  type text not null,
  source text not null,
  exchange text not null,
  routing_key text not null,
  headers text not null default '{}',
  content_type text not null default 'application/json',
  payload bytea not null
) partition by list (((id >> 18) & 3));

-- A ring: the sequence itself chooses the leaf, and moves on every 2^18 positions. A drained leaf is truncated, which
-- works while old snapshots keep VACUUM from removing anything. Statistics are not kept by autovacuum: those of a
-- leaf that is now full and now empty would only mislead, and the statements are written to be right without.
create table ${schema}.outbox_0 partition of ${schema}.outbox for values in (0) with (
  autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647
);
create table ${schema}.outbox_1 partition of ${schema}.outbox for values in (1) with (
  autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647
);
create table ${schema}.outbox_2 partition of ${schema}.outbox for values in (2) with (
  autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647
);
create table ${schema}.outbox_3 partition of ${schema}.outbox for values in (3) with (
  autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647
);

-- lz4 compresses several times faster than the default; servers before 14 and some builds do not have it.
-- Not every version passes the setting on from the table to its leaves.
do $waybill$
declare
  suffix text;
begin
  if exists (
    select from pg_settings where name = 'default_toast_compression' and 'lz4' = any (enumvals)
  ) then
    foreach suffix in array '{"",_0,_1,_2,_3}'::text[] loop
      execute 'alter table ${schema:literal}.outbox' || suffix || ' alter column payload set compression lz4';
    end loop;
  end if;
end
$waybill$;

-- Reading a lane in order.
create index outbox_lane_id on ${schema}.outbox (lane, id);
-- Finding the records of transactions that were still open when a relay last looked.
create index outbox_xid_lane_id on ${schema}.outbox (xid, lane, id);

-- Records that could not be published, moved here from the outbox by the relay.
create table ${schema}.parked (
  parked_id bigint generated always as identity primary key,
  id bigint not null,
  lane smallint not null,
  version integer not null,
  created_at timestamptz not null,
  message_id uuid not null,
  key text,
  type text not null,
  source text not null,
  exchange text not null,
  routing_key text not null,
  headers text not null,
  content_type text not null,
  payload bytea not null,
  state text not null check (state in ('retry', 'dead', 'discarded')),
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  reason text not null,
  error text not null,
  parked_at timestamptz not null default clock_timestamp()
);

-- Which keys are blocked; a key is blocked until its record is replayed or discarded.
create index parked_blocked on ${schema}.parked (lane, key) where state <> 'discarded';
create index parked_message_id on ${schema}.parked (message_id);

-- One row for each running relay. Renewing and burying change the same row and so exclude one another.
create table ${schema}.relay (
  relay_id uuid primary key,
  host text not null,
  schema_version integer not null,
  registered_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null
) with (fillfactor = 50);

-- Who may publish which lane. Written on claim and release only.
create table ${schema}.lane (
  lane smallint primary key check (lane between 0 and 15),
  owner uuid references ${schema}.relay (relay_id) on delete set null,
  epoch bigint not null default 0
) with (fillfactor = 50);

insert into ${schema}.lane (lane) select generate_series(0, 15);

-- One row: facts about this installation.
create table ${schema}.meta (
  singleton boolean primary key default true check (singleton),
  version integer not null,
  min_compatible integer not null,
  lanes smallint not null,
  install_id uuid not null default gen_random_uuid(),
  system_identifier text,
  installed_at timestamptz not null default clock_timestamp()
);

insert into ${schema}.meta (version, min_compatible, lanes) values (0, 0, 16);

-- Where this installation was made; not every role may ask.
do $waybill$
begin
  update ${schema}.meta set system_identifier = (select system_identifier from pg_control_system());
exception
  when insufficient_privilege then null;
end
$waybill$;

-- The migrations that were applied, and what they then said.
create table ${schema}.migration (
  version integer primary key,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null default clock_timestamp()
);
