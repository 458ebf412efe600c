-- Where what waits is found, and in which trace a message was tried.
-- min-compatible: 8

-- What a relay says of its lanes with each renewal: from floors[lane + 1] on, and of transactions in progress at
-- bases[lane + 1] also before it, is all that waits. True of one server, for good; null: it knows nothing.
alter table ${schema}.relay
  add column floors bigint[],
  add column bases pg_snapshot[],
  add column server text;

-- The same, as the last owner has said it: the next one begins there, and does not walk over what was consumed and cannot be
-- vacuumed yet.
alter table ${schema}.lane
  add column floor bigint,
  add column base pg_snapshot,
  add column server text;

-- The trace of an attempt, where its spans are kept, and the headers by which the next attempt refers to it.
alter table ${schema}.failure_attempt
  add column trace_id text,
  add column trace_headers text;
