create schema if not exists "waybill";

-- 1 outbox
begin;
set local search_path = pg_catalog, pg_temp;
set local standard_conforming_strings = on;
create sequence "waybill".outbox_id_seq as bigint minvalue 1 maxvalue 9007199254740991 cache 1 no cycle;
create table "waybill".outbox (
  id bigint not null default case
    when pg_current_xact_id() is not null then nextval('"waybill".outbox_id_seq')
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
create table "waybill".outbox_0 partition of "waybill".outbox for values in (0) with (
  autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647
);
create table "waybill".outbox_1 partition of "waybill".outbox for values in (1) with (
  autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647
);
create table "waybill".outbox_2 partition of "waybill".outbox for values in (2) with (
  autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647
);
create table "waybill".outbox_3 partition of "waybill".outbox for values in (3) with (
  autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647
);
do $waybill$
declare
  suffix text;
begin
  if exists (
    select from pg_settings where name = 'default_toast_compression' and 'lz4' = any (enumvals)
  ) then
    foreach suffix in array '{"",_0,_1,_2,_3}'::text[] loop
      execute 'alter table "waybill".outbox' || suffix || ' alter column payload set compression lz4';
    end loop;
  end if;
end
$waybill$;
create index outbox_lane_id on "waybill".outbox (lane, id);
create index outbox_xid_lane_id on "waybill".outbox (xid, lane, id);
create table "waybill".parked (
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
create index parked_blocked on "waybill".parked (lane, key) where state <> 'discarded';
create index parked_message_id on "waybill".parked (message_id);
create table "waybill".relay (
  relay_id uuid primary key,
  host text not null,
  schema_version integer not null,
  registered_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null
) with (fillfactor = 50);
create table "waybill".lane (
  lane smallint primary key check (lane between 0 and 15),
  owner uuid references "waybill".relay (relay_id) on delete set null,
  epoch bigint not null default 0
) with (fillfactor = 50);
insert into "waybill".lane (lane) select generate_series(0, 15);
create table "waybill".meta (
  singleton boolean primary key default true check (singleton),
  version integer not null,
  min_compatible integer not null,
  lanes smallint not null,
  install_id uuid not null default gen_random_uuid(),
  system_identifier text,
  installed_at timestamptz not null default clock_timestamp()
);
insert into "waybill".meta (version, min_compatible, lanes) values (0, 0, 16);
do $waybill$
begin
  update "waybill".meta set system_identifier = (select system_identifier from pg_control_system());
exception
  when insufficient_privilege then null;
end
$waybill$;
create table "waybill".migration (
  version integer primary key,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null default clock_timestamp()
);
insert into "waybill".migration (version, name, checksum) values (1, 'outbox', 'sha256-633f1cd88cb46cd00d11d716dd53122c70425507809d9f34e444a79eee5040bb');
update "waybill".meta set version = 1, min_compatible = greatest(min_compatible, 1);
commit;

-- 2 inbox
begin;
set local search_path = pg_catalog, pg_temp;
set local standard_conforming_strings = on;
create table "waybill".inbox (
  message_id uuid not null,
  consumer text not null,
  fingerprint integer not null,
  handled_at timestamptz not null default clock_timestamp(),
  primary key (message_id, consumer)
);
create index inbox_handled_at on "waybill".inbox (handled_at);
insert into "waybill".migration (version, name, checksum) values (2, 'inbox', 'sha256-aa6bbfdffad83f43be5bbb8b9cb9d7aac225ab53f0b8c13f8a44ef13085e7020');
update "waybill".meta set version = 2, min_compatible = greatest(min_compatible, 1);
commit;

-- 3 write_function
begin;
set local search_path = pg_catalog, pg_temp;
set local standard_conforming_strings = on;
create function "waybill".crc32(data bytea) returns bigint
language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp
as $waybill$
declare
  steps constant bigint[] := '{0,498536548,997073096,651767980,1994146192,1802195444,1303535960,1342533948,
    3988292384,4027552580,3604390888,3412177804,2607071920,2262029012,2685067896,3183342108}';
  crc bigint := 4294967295;
begin
  for i in 0 .. length(data) - 1 loop
    crc := crc # get_byte(data, i);
    crc := steps[(crc & 15) + 1] # (crc >> 4);
    crc := steps[(crc & 15) + 1] # (crc >> 4);
  end loop;
  return crc # 4294967295;
end
$waybill$;
create function "waybill".lane_of(key text, message_id uuid) returns smallint
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp
as $waybill$
begin
  return "waybill".crc32(convert_to(coalesce(key, message_id::text), 'UTF8')) % 16;
end
$waybill$;
create function "waybill".new_message_id() returns uuid
language plpgsql volatile parallel safe set search_path = pg_catalog, pg_temp
as $waybill$
declare
  milliseconds constant bigint := floor(extract(epoch from clock_timestamp()) * 1000);
  random constant bytea := uuid_send(gen_random_uuid());
begin
  -- gen_random_uuid has set the variant and version 4; two more bits make it version 7.
  return encode(
    set_bit(set_bit(overlay(random placing substring(int8send(milliseconds) from 3) from 1 for 6), 52, 1), 53, 1),
    'hex'
  )::uuid;
end
$waybill$;
create function "waybill".is_name(name text, max_bytes integer) returns boolean
language sql immutable strict parallel safe set search_path = pg_catalog, pg_temp
as $waybill$
  select octet_length(name) between 1 and max_bytes and name !~ ('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')
$waybill$;
create function "waybill".write(
  type text,
  payload jsonb,
  key text,
  source text,
  version integer default 1,
  exchange text default null,
  routing_key text default null,
  headers jsonb default '{}',
  correlation_id text default null,
  causation_id text default null,
  message_id uuid default null
) returns uuid
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $waybill$
declare
  id constant uuid := coalesce(message_id, "waybill".new_message_id());
  target constant text := coalesce(exchange, source || '.events');
  route constant text := coalesce(routing_key, type);
  body constant bytea := convert_to(payload::text, 'UTF8');
  given constant jsonb := coalesce(headers, '{}');
  fault constant text := case
    when "waybill".is_name(type, 255) is not true then 'type must have 1 to 255 bytes without control characters'
    when "waybill".is_name(source, 200) is not true or source ~ '[[:space:]]'
      then 'source must have 1 to 200 bytes without spaces and control characters'
    when "waybill".is_name(target, 255) is not true then 'exchange must have 1 to 255 bytes without control characters'
    when "waybill".is_name(route, 255) is not true or string_to_array(route, '.') && '{*,#}'
      then 'routing key must have 1 to 255 bytes without control characters and wildcards'
    when version is null or version < 1 then 'version must be 1 or more'
    when key = '' or octet_length(key) > 1024 then 'key must be null or have 1 to 1024 bytes'
    when body is null then 'payload must not be an SQL null; write ''null''::jsonb if null is what you mean'
    when octet_length(body) > 1048576 then 'payload must have at most 1048576 bytes'
    when jsonb_typeof(given) <> 'object' then 'headers must be a JSON object'
    when octet_length(given::text) > 32768 then 'headers must have at most 32768 bytes'
    when exists (select from jsonb_each(given) as header where jsonb_typeof(header.value) <> 'string')
      then 'headers must all be texts'
    when exists (
      select from jsonb_object_keys(given) as name
      where "waybill".is_name(name, 255) is not true
        or name ~* '^(waybill-|x-|cloudevents|ce-)' or lower(name) in ('correlation-id', 'cc', 'bcc')
    ) then 'headers must have names of 1 to 255 bytes that do not begin with waybill-, x-, cloudEvents or ce- and are'
      || ' not correlation-id, CC or BCC'
  end;
begin
  if fault is not null then
    raise exception 'waybill: cannot write message %: its %', coalesce(type, 'null'), fault using errcode = '22023';
  end if;
  insert into "waybill".outbox (
    lane, version, message_id, key, type, source, exchange, routing_key, headers, payload
  ) values (
    "waybill".lane_of(key, id), version, id, key, type, source, target, route,
    (given || jsonb_strip_nulls(
      jsonb_build_object('correlation-id', correlation_id, 'waybill-causation', causation_id)
    ))::text,
    body
  );
  return id;
end
$waybill$;
insert into "waybill".migration (version, name, checksum) values (3, 'write_function', 'sha256-db2615eb048bce72f6d004a5f5457d4fbbc81e52e19080b22d90c084eb2627e0');
update "waybill".meta set version = 3, min_compatible = greatest(min_compatible, 1);
commit;

-- 4 cluster
begin;
set local search_path = pg_catalog, pg_temp;
set local standard_conforming_strings = on;
create table "waybill".cluster (
  system_identifier text not null,
  timeline bigint not null,
  first_seen_at timestamptz not null default clock_timestamp(),
  primary key (system_identifier, timeline)
);
create function "waybill".live_cluster(out system_identifier text, out timeline bigint)
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $waybill$
begin
  begin
    system_identifier := (select control.system_identifier from pg_control_system() as control);
  exception when others then
    system_identifier := '';
  end;
  begin
    timeline := ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint;
  exception when others then
    timeline := 0;
  end;
end
$waybill$;
insert into "waybill".cluster (system_identifier, timeline, first_seen_at)
select coalesce(meta.system_identifier, live.system_identifier), live.timeline, meta.installed_at
from "waybill".meta cross join "waybill".live_cluster() as live;
alter table "waybill".meta drop column system_identifier;
insert into "waybill".migration (version, name, checksum) values (4, 'cluster', 'sha256-c40dd41817e44f1b90f57315f4dd9b809726359c4c353b42b4c4f9aeeb34e188');
update "waybill".meta set version = 4, min_compatible = greatest(min_compatible, 1);
commit;

-- 5 partitions
begin;
set local search_path = pg_catalog, pg_temp;
set local standard_conforming_strings = on;
create table "waybill".partition_plan (
  consumer text primary key,
  queue text not null,
  partitions smallint not null check (partitions between 1 and 64),
  prefetch integer not null check (prefetch >= 1)
);
create table "waybill".partition_member (
  instance_id uuid primary key,
  consumer text not null references "waybill".partition_plan (consumer) on delete cascade,
  host text not null,
  joined_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null
) with (fillfactor = 50);
create table "waybill".partition (
  consumer text not null references "waybill".partition_plan (consumer) on delete cascade,
  partition smallint not null,
  owner uuid references "waybill".partition_member (instance_id) on delete set null,
  epoch bigint not null default 0,
  primary key (consumer, partition)
) with (fillfactor = 50);
insert into "waybill".migration (version, name, checksum) values (5, 'partitions', 'sha256-4dc2fbd89e92b3d8cff60df53f241815c23f2158333b67bbafcc74210848fc7a');
update "waybill".meta set version = 5, min_compatible = greatest(min_compatible, 1);
commit;

-- 6 retry_and_schedule
begin;
set local search_path = pg_catalog, pg_temp;
set local standard_conforming_strings = on;
create index parked_due on "waybill".parked (lane, next_attempt_at) where state = 'retry';
create table "waybill".scheduled (
  schedule_id bigint generated always as identity,
  deliver_at timestamptz not null check (isfinite(deliver_at)),
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
  payload bytea not null,
  primary key (deliver_at, schedule_id)
) with (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.01);
create index scheduled_message_id on "waybill".scheduled (message_id);
do $waybill$
begin
  if exists (
    select from pg_settings where name = 'default_toast_compression' and 'lz4' = any (enumvals)
  ) then
    execute 'alter table "waybill".scheduled alter column payload set compression lz4';
  end if;
end
$waybill$;
create function "waybill".new_record(
  type text,
  payload jsonb,
  key text,
  source text,
  version integer,
  exchange text,
  routing_key text,
  headers jsonb,
  correlation_id text,
  causation_id text,
  message_id uuid
) returns "waybill".scheduled
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $waybill$
declare
  made "waybill".scheduled;
  id constant uuid := coalesce(message_id, "waybill".new_message_id());
  target constant text := coalesce(exchange, source || '.events');
  route constant text := coalesce(routing_key, type);
  body constant bytea := convert_to(payload::text, 'UTF8');
  given constant jsonb := coalesce(headers, '{}');
  fault constant text := case
    when "waybill".is_name(type, 255) is not true then 'type must have 1 to 255 bytes without control characters'
    when "waybill".is_name(source, 200) is not true or source ~ '[[:space:]]'
      then 'source must have 1 to 200 bytes without spaces and control characters'
    when "waybill".is_name(target, 255) is not true then 'exchange must have 1 to 255 bytes without control characters'
    when "waybill".is_name(route, 255) is not true or string_to_array(route, '.') && '{*,#}'
      then 'routing key must have 1 to 255 bytes without control characters and wildcards'
    when version is null or version < 1 then 'version must be 1 or more'
    when key = '' or octet_length(key) > 1024 then 'key must be null or have 1 to 1024 bytes'
    when body is null then 'payload must not be an SQL null; write ''null''::jsonb if null is what you mean'
    when octet_length(body) > 1048576 then 'payload must have at most 1048576 bytes'
    when jsonb_typeof(given) <> 'object' then 'headers must be a JSON object'
    when octet_length(given::text) > 32768 then 'headers must have at most 32768 bytes'
    when exists (select from jsonb_each(given) as header where jsonb_typeof(header.value) <> 'string')
      then 'headers must all be texts'
    when exists (
      select from jsonb_object_keys(given) as name
      where "waybill".is_name(name, 255) is not true
        or name ~* '^(waybill-|x-|cloudevents|ce-)' or lower(name) in ('correlation-id', 'cc', 'bcc')
    ) then 'headers must have names of 1 to 255 bytes that do not begin with waybill-, x-, cloudEvents or ce- and are'
      || ' not correlation-id, CC or BCC'
  end;
begin
  if fault is not null then
    raise exception 'waybill: cannot write message %: its %', coalesce(type, 'null'), fault using errcode = '22023';
  end if;
  made.lane := "waybill".lane_of(key, id);
  made.version := version;
  made.message_id := id;
  made.key := key;
  made.type := type;
  made.source := source;
  made.exchange := target;
  made.routing_key := route;
  made.headers := (given || jsonb_strip_nulls(
    jsonb_build_object('correlation-id', correlation_id, 'waybill-causation', causation_id)
  ))::text;
  made.payload := body;
  return made;
end
$waybill$;
create or replace function "waybill".write(
  type text,
  payload jsonb,
  key text,
  source text,
  version integer default 1,
  exchange text default null,
  routing_key text default null,
  headers jsonb default '{}',
  correlation_id text default null,
  causation_id text default null,
  message_id uuid default null
) returns uuid
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $waybill$
declare
  made constant "waybill".scheduled := "waybill".new_record(
    type, payload, key, source, version, exchange, routing_key, headers, correlation_id, causation_id, message_id
  );
begin
  insert into "waybill".outbox (
    lane, version, message_id, key, type, source, exchange, routing_key, headers, payload
  ) values (
    made.lane, made.version, made.message_id, made.key, made.type, made.source, made.exchange, made.routing_key,
    made.headers, made.payload
  );
  return made.message_id;
end
$waybill$;
create function "waybill".schedule(
  deliver_at timestamptz,
  type text,
  payload jsonb,
  key text,
  source text,
  version integer default 1,
  exchange text default null,
  routing_key text default null,
  headers jsonb default '{}',
  correlation_id text default null,
  causation_id text default null,
  message_id uuid default null
) returns uuid
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $waybill$
declare
  made constant "waybill".scheduled := "waybill".new_record(
    type, payload, key, source, version, exchange, routing_key, headers, correlation_id, causation_id, message_id
  );
begin
  if deliver_at is null or not isfinite(deliver_at) then
    raise exception 'waybill: cannot write message %: its deliver_at must be a time', type using errcode = '22023';
  end if;
  insert into "waybill".scheduled (
    deliver_at, lane, version, message_id, key, type, source, exchange, routing_key, headers, payload
  ) values (
    deliver_at, made.lane, made.version, made.message_id, made.key, made.type, made.source, made.exchange,
    made.routing_key, made.headers, made.payload
  );
  return made.message_id;
end
$waybill$;
create function "waybill".cancel(message_id uuid) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $waybill$
begin
  delete from "waybill".scheduled as s where s.message_id = cancel.message_id;
  return found;
end
$waybill$;
insert into "waybill".migration (version, name, checksum) values (6, 'retry_and_schedule', 'sha256-20c41dcfdae26b09a29241e5a7071c76be8c2bab4f09ad7571a0595da446b97e');
update "waybill".meta set version = 6, min_compatible = greatest(min_compatible, 1);
commit;

-- 7 handling
begin;
set local search_path = pg_catalog, pg_temp;
set local standard_conforming_strings = on;
create function "waybill".remember(ids uuid[], name text, fingerprints integer[], wait text) returns text[]
language plpgsql volatile
as $waybill$
#variable_conflict use_variable
declare
  before constant pg_catalog.text := pg_catalog.current_setting('lock_timeout');
  verdicts pg_catalog.text[] := '{}';
  verdict pg_catalog.text;
begin
  perform pg_catalog.set_config('lock_timeout', wait, true);
  for n in 1 .. pg_catalog.cardinality(ids) loop
    verdict := null;
    while verdict is null loop
      insert into "waybill".inbox (message_id, consumer, fingerprint) values (ids[n], name, fingerprints[n])
      on conflict do nothing;
      if found then
        verdict := 'first';
      else
        select case
          when known.fingerprint operator(pg_catalog.=) fingerprints[n] then 'duplicate' else 'conflict'
        end into verdict
        from "waybill".inbox as known
        where known.message_id operator(pg_catalog.=) ids[n] and known.consumer operator(pg_catalog.=) name;
      end if;
    end loop;
    verdicts := pg_catalog.array_append(verdicts, verdict);
  end loop;
  perform pg_catalog.set_config('lock_timeout', before, true);
  return verdicts;
end
$waybill$;
create table "waybill".inbox_retention (
  consumer text primary key,
  retention_ms bigint not null check (retention_ms > 0),
  seen_at timestamptz not null default clock_timestamp()
) with (fillfactor = 50);
create table "waybill".inbox_pruning (
  singleton boolean primary key default true check (singleton),
  holder uuid,
  expires_at timestamptz not null default '-infinity'
) with (fillfactor = 50);
insert into "waybill".inbox_pruning default values;
insert into "waybill".migration (version, name, checksum) values (7, 'handling', 'sha256-f4bf82c3a36bf8e20bcc86db2dd2fed4a3ed27ac087114da9783950a5bd1c747');
update "waybill".meta set version = 7, min_compatible = greatest(min_compatible, 1);
commit;

-- 8 append
begin;
set local search_path = pg_catalog, pg_temp;
set local standard_conforming_strings = on;
create procedure "waybill".append(
  lane smallint,
  version integer,
  message_id uuid,
  key text,
  type text,
  source text,
  exchange text,
  routing_key text,
  headers text,
  content_type text,
  payload bytea,
  key_lock bigint
)
language plpgsql
as $waybill$
begin
  if key_lock is not null then
    perform pg_catalog.pg_advisory_xact_lock(key_lock);
  end if;
  insert into "waybill".outbox (
    lane, version, message_id, key, type, source, exchange, routing_key, headers, content_type, payload
  ) values (
    lane, version, message_id, key, type, source, exchange, routing_key, headers, content_type, payload
  );
end
$waybill$;
insert into "waybill".migration (version, name, checksum) values (8, 'append', 'sha256-7330236b662cf0bd59d034944b38e05e26975db3af024911535acad87881398c');
update "waybill".meta set version = 8, min_compatible = greatest(min_compatible, 1);
commit;

-- 9 failures
begin;
set local search_path = pg_catalog, pg_temp;
set local standard_conforming_strings = on;
create table "waybill".failure (
  failure_id bigint generated always as identity primary key,
  consumer text not null,
  message_id uuid not null,
  original_id text not null,
  state text not null check (state in ('retry', 'waiting', 'dead', 'resolved', 'discarded')),
  blocking boolean not null default false,
  place bigint,
  revision integer not null default 1,
  version integer not null,
  attempts integer not null default 0,
  crashes integer not null default 0,
  replays integer not null default 0,
  uncertain boolean not null default false,
  sealed boolean not null default false,
  holder uuid,
  next_attempt_at timestamptz,
  key text,
  type text not null,
  source text,
  exchange text not null,
  routing_key text not null,
  correlation_id text,
  causation_id text,
  created_at timestamptz,
  headers text not null default '{}',
  content_type text not null,
  payload bytea not null,
  reason text not null,
  error_type text,
  error_message text,
  error_stack text,
  error_frame text,
  fingerprint text,
  received_at timestamptz not null default clock_timestamp(),
  failed_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  edited_from bigint,
  unique (consumer, message_id),
  check ((state = 'retry') = (next_attempt_at is not null)),
  check ((state in ('resolved', 'discarded')) = (ended_at is not null))
) with (fillfactor = 85);
do $waybill$
begin
  if exists (
    select from pg_settings where name = 'default_toast_compression' and 'lz4' = any (enumvals)
  ) then
    execute 'alter table "waybill".failure alter column payload set compression lz4';
  end if;
end
$waybill$;
create index failure_due on "waybill".failure (consumer, next_attempt_at) where state = 'retry';
create index failure_suspect on "waybill".failure (consumer, next_attempt_at)
where state = 'retry' and (crashes > 0 or reason = 'suspect' or holder is not null);
create index failure_blocking on "waybill".failure (consumer, key, (coalesce(place, failure_id))) where blocking;
create index failure_dead on "waybill".failure (failed_at, failure_id) where state = 'dead';
create index failure_fingerprint on "waybill".failure (fingerprint, failed_at) where state = 'dead';
create index failure_message_id on "waybill".failure (message_id);
create index failure_correlation_id on "waybill".failure (correlation_id) where correlation_id is not null;
create index failure_ended on "waybill".failure (ended_at) where ended_at is not null;
create table "waybill".failure_attempt (
  failure_id bigint not null references "waybill".failure (failure_id) on delete cascade,
  attempt_id bigint generated always as identity,
  outcome text not null check (outcome in ('failed', 'crashed', 'handled')),
  replay boolean not null default false,
  instance_id uuid,
  host text,
  duration_ms integer,
  ended_at timestamptz not null default clock_timestamp(),
  error_type text,
  error_message text,
  error_stack text,
  primary key (failure_id, attempt_id)
);
create table "waybill".consumer_instance (
  instance_id uuid primary key,
  consumer text not null,
  queue text not null,
  mode text not null,
  host text not null,
  started_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null
) with (fillfactor = 50);
create index consumer_instance_consumer on "waybill".consumer_instance (consumer);
create table "waybill".pause (
  kind text not null check (kind in ('consumer', 'relay')),
  name text not null,
  paused_at timestamptz not null default clock_timestamp(),
  paused_by text not null,
  reason text not null,
  primary key (kind, name)
);
create function "waybill".remember_in_order(
  ids uuid[], name text, fingerprints integer[], keys text[], wait text
) returns text[]
language plpgsql volatile
as $waybill$
#variable_conflict use_variable
declare
  before constant pg_catalog.text := pg_catalog.current_setting('lock_timeout');
  verdicts pg_catalog.text[] := "waybill".remember(ids, name, fingerprints, wait);
begin
  for n in 1 .. pg_catalog.cardinality(ids) loop
    continue when keys[n] is null or verdicts[n] operator(pg_catalog.<>) 'first' or not "waybill".is_blocked(name, keys[n]);
    perform pg_catalog.set_config('lock_timeout', wait, true);
    perform "waybill".lock_key(name, keys[n]);
    perform pg_catalog.set_config('lock_timeout', before, true);
    if "waybill".is_blocked(name, keys[n]) then
      verdicts[n] := 'blocked';
    end if;
  end loop;
  return verdicts;
end
$waybill$;
create function "waybill".is_blocked(name text, of_key text) returns boolean
language plpgsql volatile
as $waybill$
#variable_conflict use_variable
begin
  return exists (
    select from "waybill".failure as f
    where f.consumer operator(pg_catalog.=) name and f.key operator(pg_catalog.=) of_key and f.blocking
  );
end
$waybill$;
create function "waybill".lock_key(name text, of_key text) returns void
language plpgsql volatile
as $waybill$
#variable_conflict use_variable
begin
  perform pg_catalog.pg_advisory_xact_lock(
    pg_catalog.hashtextextended(of_key, pg_catalog.hashtextextended('waybill "waybill" failures ' operator(pg_catalog.||) name, 0))
  );
end
$waybill$;
create function "waybill".release_key(name text, of_key text) returns bigint
language plpgsql volatile
as $waybill$
#variable_conflict use_variable
declare
  released pg_catalog.int8;
begin
  perform "waybill".lock_key(name, of_key);
  update "waybill".failure as f
  set state = 'retry', next_attempt_at = pg_catalog.clock_timestamp(),
    revision = f.revision operator(pg_catalog.+) 1
  where f.failure_id operator(pg_catalog.=) (
    select first.failure_id from "waybill".failure as first
    where first.consumer operator(pg_catalog.=) name and first.key operator(pg_catalog.=) of_key and first.blocking
    order by coalesce(first.place, first.failure_id)
    limit 1
  ) and f.state operator(pg_catalog.=) 'waiting'
  returning f.failure_id into released;
  return released;
end
$waybill$;
insert into "waybill".migration (version, name, checksum) values (9, 'failures', 'sha256-501deb3403877d1efcb4e374fce3ff789ec5ba173aad7a71daf4d01afee3f549');
update "waybill".meta set version = 9, min_compatible = greatest(min_compatible, 1);
commit;

-- 10 operations
begin;
set local search_path = pg_catalog, pg_temp;
set local standard_conforming_strings = on;
alter table "waybill".failure add column released_at timestamptz;
create index failure_list on "waybill".failure (consumer, state, failed_at, failure_id);
alter table "waybill".parked
  add column revision integer not null default 1,
  add column replays integer not null default 0,
  add column failed_at timestamptz not null default now(),
  add column ended_at timestamptz,
  add column edited_from bigint;
update "waybill".parked set failed_at = parked_at;
alter table "waybill".parked alter column failed_at set default clock_timestamp();
create index parked_list on "waybill".parked (state, failed_at, parked_id);
create function "waybill".stored_header(headers text, name text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $waybill$
begin
  return headers::json ->> name;
exception
  when data_exception then return null;
end
$waybill$;
create function "waybill".plain_fingerprint(reason text, place text, type text) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $waybill$
  select left(encode(sha256(convert_to(concat_ws(E'\n', reason, place, type), 'UTF8')), 'hex'), 16)
$waybill$;
create view "waybill".failed_message as
select
  'in'::text as direction, failure_id as number, state, revision, consumer, message_id, original_id, type, version, key,
  source, exchange, routing_key, correlation_id, causation_id, reason, error_type, error_message, error_stack,
  error_frame, coalesce(fingerprint, "waybill".plain_fingerprint(reason, consumer, type)) as fingerprint, attempts,
  crashes, replays, uncertain, sealed, blocking, released_at, edited_from, created_at, received_at, failed_at,
  next_attempt_at, ended_at, headers, content_type, payload, coalesce(place, failure_id) as place
from "waybill".failure
union all
select
  'out'::text, parked_id, state, revision, null::text, message_id, message_id::text, type, version, key,
  source, exchange, routing_key, "waybill".stored_header(headers, 'correlation-id'),
  "waybill".stored_header(headers, 'waybill-causation'), reason, null::text, error, null::text,
  null::text, "waybill".plain_fingerprint(reason, exchange, type), attempts,
  0, replays, reason in ('fatal', 'refused') and failed_at < now() - interval '7 days', false,
  key is not null and state <> 'discarded', case when key is not null then ended_at end, edited_from, created_at,
  parked_at, failed_at, next_attempt_at, ended_at, headers, content_type, payload, id
from "waybill".parked;
create view "waybill".dead_letter as select * from "waybill".failed_message where state = 'dead';
create table "waybill".audit_event (
  event_id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  actor text not null,
  roles text[] not null default '{}',
  via text not null,
  address text,
  request_id text,
  trace_id text,
  action text not null,
  target text not null,
  outcome text not null check (outcome in ('done', 'refused', 'denied')),
  reason text,
  details jsonb not null default '{}'
);
create index audit_event_target on "waybill".audit_event (target, event_id);
create index audit_event_actor on "waybill".audit_event (actor, event_id);
create function "waybill".refuse_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $waybill$
begin
  raise exception 'waybill: audit events are only ever added' using errcode = '42501';
end
$waybill$;
create trigger audit_event_stays before update or delete or truncate on "waybill".audit_event
for each statement execute function "waybill".refuse_change();
revoke update, delete, truncate on "waybill".audit_event from public;
create table "waybill".bulk_operation (
  bulk_id bigint generated always as identity primary key,
  action text not null check (action in ('replay', 'discard')),
  state text not null default 'running' check (state in ('running', 'paused', 'watching', 'finished', 'cancelled')),
  pause_reason text,
  selection jsonb not null,
  consumers text[] not null default '{}',
  confirm text[] not null,
  rate double precision not null check (rate > 0),
  canary integer not null,
  stop_after integer not null,
  matched integer not null default 0,
  done integer not null default 0,
  skipped integer not null default 0,
  succeeded integer not null default 0,
  failed_again integer not null default 0,
  forgiven integer not null default 0,
  actor text not null,
  roles text[] not null,
  via text not null,
  reason text,
  created_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  due_at timestamptz not null default clock_timestamp(),
  look_at timestamptz not null default clock_timestamp(),
  check ((state in ('finished', 'cancelled')) = (ended_at is not null))
) with (fillfactor = 50);
create index bulk_operation_due on "waybill".bulk_operation (due_at) where state in ('running', 'watching');
create table "waybill".bulk_item (
  bulk_id bigint not null references "waybill".bulk_operation (bulk_id) on delete cascade,
  place integer not null,
  direction text not null,
  number bigint not null,
  revision integer not null,
  outcome text not null default 'pending'
    check (outcome in ('pending', 'done', 'succeeded', 'failed-again', 'skipped')),
  detail text,
  primary key (bulk_id, place)
) with (fillfactor = 80);
create index bulk_item_open on "waybill".bulk_item (bulk_id, outcome, place) where outcome in ('pending', 'done');
create table "waybill".idempotency_key (
  actor text not null,
  key text not null,
  request text not null,
  answer text,
  created_at timestamptz not null default clock_timestamp(),
  primary key (actor, key)
);
create index idempotency_key_created_at on "waybill".idempotency_key (created_at);
insert into "waybill".migration (version, name, checksum) values (10, 'operations', 'sha256-56bd462fbd37323d877565a8d2a9d22d873bfb08bc84f2d4bf4394d6b37052f0');
update "waybill".meta set version = 10, min_compatible = greatest(min_compatible, 1);
commit;

-- 11 route_by_sql
begin;
set local search_path = pg_catalog, pg_temp;
set local standard_conforming_strings = on;
create function "waybill".with_routing(made "waybill".scheduled, partitioned boolean, unroutable text)
returns "waybill".scheduled
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $waybill$
begin
  if unroutable not in ('hold', 'ignore', 'dead') then
    raise exception 'waybill: cannot write message %: its unroutable must be hold, ignore or dead, or null', made.type
      using errcode = '22023';
  end if;
  if partitioned or unroutable is not null then
    made.headers := (made.headers::jsonb || jsonb_strip_nulls(jsonb_build_object(
      'waybill-slot', case when partitioned then (
        "waybill".crc32(convert_to(coalesce(made.key, made.message_id::text), 'UTF8')) % 64
      )::text end,
      'waybill-unroutable', unroutable
    )))::text;
  end if;
  return made;
end
$waybill$;
drop function "waybill".write(text, jsonb, text, text, integer, text, text, jsonb, text, text, uuid);
drop function "waybill".schedule(timestamptz, text, jsonb, text, text, integer, text, text, jsonb, text, text, uuid);
create function "waybill".write(
  type text,
  payload jsonb,
  key text,
  source text,
  version integer default 1,
  exchange text default null,
  routing_key text default null,
  headers jsonb default '{}',
  correlation_id text default null,
  causation_id text default null,
  message_id uuid default null,
  partitioned boolean default false,
  unroutable text default null
) returns uuid
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $waybill$
declare
  made constant "waybill".scheduled := "waybill".with_routing("waybill".new_record(
    type, payload, key, source, version, exchange, routing_key, headers, correlation_id, causation_id, message_id
  ), partitioned, unroutable);
begin
  insert into "waybill".outbox (
    lane, version, message_id, key, type, source, exchange, routing_key, headers, payload
  ) values (
    made.lane, made.version, made.message_id, made.key, made.type, made.source, made.exchange, made.routing_key,
    made.headers, made.payload
  );
  return made.message_id;
end
$waybill$;
create function "waybill".schedule(
  deliver_at timestamptz,
  type text,
  payload jsonb,
  key text,
  source text,
  version integer default 1,
  exchange text default null,
  routing_key text default null,
  headers jsonb default '{}',
  correlation_id text default null,
  causation_id text default null,
  message_id uuid default null,
  partitioned boolean default false,
  unroutable text default null
) returns uuid
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $waybill$
declare
  made constant "waybill".scheduled := "waybill".with_routing("waybill".new_record(
    type, payload, key, source, version, exchange, routing_key, headers, correlation_id, causation_id, message_id
  ), partitioned, unroutable);
begin
  if deliver_at is null or not isfinite(deliver_at) then
    raise exception 'waybill: cannot write message %: its deliver_at must be a time', type using errcode = '22023';
  end if;
  insert into "waybill".scheduled (
    deliver_at, lane, version, message_id, key, type, source, exchange, routing_key, headers, payload
  ) values (
    deliver_at, made.lane, made.version, made.message_id, made.key, made.type, made.source, made.exchange,
    made.routing_key, made.headers, made.payload
  );
  return made.message_id;
end
$waybill$;
insert into "waybill".migration (version, name, checksum) values (11, 'route_by_sql', 'sha256-bc275123e9be31a6de3c18268b00efaa983b3f8c568ff5729378cc8c925b69bd');
update "waybill".meta set version = 11, min_compatible = greatest(min_compatible, 8);
commit;

-- 12 floors_and_traces
begin;
set local search_path = pg_catalog, pg_temp;
set local standard_conforming_strings = on;
alter table "waybill".relay
  add column floors bigint[],
  add column bases pg_snapshot[],
  add column server text;
alter table "waybill".lane
  add column floor bigint,
  add column base pg_snapshot,
  add column server text;
alter table "waybill".failure_attempt
  add column trace_id text,
  add column trace_headers text;
insert into "waybill".migration (version, name, checksum) values (12, 'floors_and_traces', 'sha256-a7f5ee8370a79f1eab3a81f14fef2e3e51a3ed2f476f5ef02dff75da0a0e9acc');
update "waybill".meta set version = 12, min_compatible = greatest(min_compatible, 8);
commit;

-- 13 history
begin;
set local search_path = pg_catalog, pg_temp;
set local standard_conforming_strings = on;
create function "waybill".id_minute(id uuid) returns bigint
language sql immutable parallel safe
as $waybill$
  select case when pg_catalog.substr(pg_catalog.encode(pg_catalog.uuid_send(id), 'hex'), 13, 1) operator(pg_catalog.=) '7' then
    ('x' operator(pg_catalog.||) pg_catalog.left(pg_catalog.encode(pg_catalog.uuid_send(id), 'hex'), 12))::pg_catalog.bit(48)::pg_catalog.int8
      operator(pg_catalog./) 60000::pg_catalog.int8
  end
$waybill$;
create function "waybill".history_minute(id uuid) returns integer
language plpgsql volatile
as $waybill$
declare
  now constant pg_catalog.int8 := pg_catalog.floor(
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) operator(pg_catalog./) 60::pg_catalog.float8
  );
  told constant pg_catalog.int8 := "waybill".id_minute(id);
begin
  return case
    when pg_catalog.abs(told operator(pg_catalog.-) now) operator(pg_catalog.<=) 60::pg_catalog.int8 then told
    else now
  end;
end
$waybill$;
create table "waybill".history (
  minute integer not null,
  written_at timestamptz not null default clock_timestamp(),
  lane smallint not null,
  version integer not null default 1,
  message_id uuid not null,
  key text,
  type text not null,
  source text not null,
  exchange text not null,
  routing_key text not null,
  headers text not null default '{}',
  content_type text not null default 'application/json',
  payload bytea not null
) partition by list ((minute / 60 % 48));
do $waybill$
declare
  has_lz4 constant boolean := exists (
    select from pg_settings where name = 'default_toast_compression' and 'lz4' = any (enumvals)
  );
begin
  for leaf in 0 .. 47 loop
    execute 'create table "waybill".history_' || leaf || ' partition of "waybill".history for values in ('
      || leaf || ')';
    execute 'create index on "waybill".history_' || leaf
      || ' using brin (minute) with (pages_per_range = 16, autosummarize = on)';
    if has_lz4 then
      execute 'alter table "waybill".history_' || leaf || ' alter column payload set compression lz4';
    end if;
  end loop;
end
$waybill$;
create table "waybill".history_kept (
  singleton boolean primary key default true check (singleton),
  from_minute integer not null default 0
) with (fillfactor = 50);
insert into "waybill".history_kept default values;
alter table "waybill".scheduled add column history boolean not null default false;
create procedure "waybill".append_with_history(
  lane smallint,
  version integer,
  message_id uuid,
  key text,
  type text,
  source text,
  exchange text,
  routing_key text,
  headers text,
  content_type text,
  payload bytea,
  key_lock bigint
)
language plpgsql
as $waybill$
begin
  if key_lock is not null then
    perform pg_catalog.pg_advisory_xact_lock(key_lock);
  end if;
  insert into "waybill".history (
    minute, lane, version, message_id, key, type, source, exchange, routing_key, headers, content_type, payload
  ) values (
    "waybill".history_minute(message_id), lane, version, message_id, key, type, source, exchange, routing_key, headers,
    content_type, payload
  );
  insert into "waybill".outbox (
    lane, version, message_id, key, type, source, exchange, routing_key, headers, content_type, payload
  ) values (
    lane, version, message_id, key, type, source, exchange, routing_key, headers, content_type, payload
  );
end
$waybill$;
drop function "waybill".write(text, jsonb, text, text, integer, text, text, jsonb, text, text, uuid, boolean, text);
drop function "waybill".schedule(
  timestamptz, text, jsonb, text, text, integer, text, text, jsonb, text, text, uuid, boolean, text
);
create function "waybill".write(
  type text,
  payload jsonb,
  key text,
  source text,
  version integer default 1,
  exchange text default null,
  routing_key text default null,
  headers jsonb default '{}',
  correlation_id text default null,
  causation_id text default null,
  message_id uuid default null,
  partitioned boolean default false,
  unroutable text default null,
  history boolean default false
) returns uuid
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $waybill$
declare
  made constant "waybill".scheduled := "waybill".with_routing("waybill".new_record(
    type, payload, key, source, version, exchange, routing_key, headers, correlation_id, causation_id, message_id
  ), partitioned, unroutable);
begin
  if history then
    insert into "waybill".history (
      minute, lane, version, message_id, key, type, source, exchange, routing_key, headers, payload
    ) values (
      "waybill".history_minute(made.message_id), made.lane, made.version, made.message_id, made.key, made.type,
      made.source, made.exchange, made.routing_key, made.headers, made.payload
    );
  end if;
  insert into "waybill".outbox (
    lane, version, message_id, key, type, source, exchange, routing_key, headers, payload
  ) values (
    made.lane, made.version, made.message_id, made.key, made.type, made.source, made.exchange, made.routing_key,
    made.headers, made.payload
  );
  return made.message_id;
end
$waybill$;
create function "waybill".schedule(
  deliver_at timestamptz,
  type text,
  payload jsonb,
  key text,
  source text,
  version integer default 1,
  exchange text default null,
  routing_key text default null,
  headers jsonb default '{}',
  correlation_id text default null,
  causation_id text default null,
  message_id uuid default null,
  partitioned boolean default false,
  unroutable text default null,
  history boolean default false
) returns uuid
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $waybill$
declare
  made constant "waybill".scheduled := "waybill".with_routing("waybill".new_record(
    type, payload, key, source, version, exchange, routing_key, headers, correlation_id, causation_id, message_id
  ), partitioned, unroutable);
begin
  if deliver_at is null or not isfinite(deliver_at) then
    raise exception 'waybill: cannot write message %: its deliver_at must be a time', type using errcode = '22023';
  end if;
  insert into "waybill".scheduled (
    deliver_at, lane, version, message_id, key, type, source, exchange, routing_key, headers, payload, history
  ) values (
    deliver_at, made.lane, made.version, made.message_id, made.key, made.type, made.source, made.exchange,
    made.routing_key, made.headers, made.payload, coalesce(history, false)
  );
  return made.message_id;
end
$waybill$;
create table "waybill".consumed_type (
  consumer text not null,
  type text not null,
  exchange text not null,
  routing_key text not null,
  queue text not null,
  since timestamptz not null default clock_timestamp(),
  until timestamptz,
  primary key (consumer, type)
);
create function "waybill".id_digest(id uuid) returns bigint
language sql immutable parallel safe
as $waybill$
  select ('x' operator(pg_catalog.||) pg_catalog.left(pg_catalog.encode(pg_catalog.sha256(pg_catalog.uuid_send(id)), 'hex'), 16))::pg_catalog.bit(64)::pg_catalog.int8
$waybill$;
insert into "waybill".migration (version, name, checksum) values (13, 'history', 'sha256-5f258cb45446cd9fff5312980bc3a88ff1006eb14cc4e3523d7a9bc44ee7f87d');
update "waybill".meta set version = 13, min_compatible = greatest(min_compatible, 8);
commit;
