-- Appending a record by a statement that the server has already planned.
-- min-compatible: 1

-- What is planned inside a procedure stays with the session, whichever client uses that next: so it saves what a
-- prepared statement would, behind a pooler too. With key_lock, the key is locked before the record takes its position.
-- Each name says whose it is, and no value is converted, so no setting of the session matters and none is changed.
create procedure ${schema}.append(
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
  insert into ${schema}.outbox (
    lane, version, message_id, key, type, source, exchange, routing_key, headers, content_type, payload
  ) values (
    lane, version, message_id, key, type, source, exchange, routing_key, headers, content_type, payload
  );
end
$waybill$;
