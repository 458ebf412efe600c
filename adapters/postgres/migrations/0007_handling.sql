-- Handling a message in fewer round trips, and who forgets old ones.
-- min-compatible: 1

-- Remembers messages of a consumer as handled, and says of each whether it is the `first`, a `duplicate`, or in
-- `conflict` with another message of its id. Waits for other transactions that are handling one of them for at most
-- `wait`; the lock timeout of the caller is put back, by an error too. A conflicting row that cannot be found was
-- pruned in between, so that it is tried again. Callers sort the ids, and so never wait for each other in a circle.
create function ${schema}.remember(ids uuid[], name text, fingerprints integer[], wait text) returns text[]
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
      insert into ${schema}.inbox (message_id, consumer, fingerprint) values (ids[n], name, fingerprints[n])
      on conflict do nothing;
      if found then
        verdict := 'first';
      else
        select case
          when known.fingerprint operator(pg_catalog.=) fingerprints[n] then 'duplicate' else 'conflict'
        end into verdict
        from ${schema}.inbox as known
        where known.message_id operator(pg_catalog.=) ids[n] and known.consumer operator(pg_catalog.=) name;
      end if;
    end loop;
    verdicts := pg_catalog.array_append(verdicts, verdict);
  end loop;
  perform pg_catalog.set_config('lock_timeout', before, true);
  return verdicts;
end
$waybill$;

-- For how long each consumer wants its messages remembered, as it said when it was last there.
create table ${schema}.inbox_retention (
  consumer text primary key,
  retention_ms bigint not null check (retention_ms > 0),
  seen_at timestamptz not null default clock_timestamp()
) with (fillfactor = 50);

-- One row: who forgets old messages at the moment.
create table ${schema}.inbox_pruning (
  singleton boolean primary key default true check (singleton),
  holder uuid,
  expires_at timestamptz not null default '-infinity'
) with (fillfactor = 50);

insert into ${schema}.inbox_pruning default values;
