-- Where the schema has lived, so that a restore and a failover are noticed.
-- min-compatible: 1

-- One row for each cluster and timeline in which relays have worked.
create table ${schema}.cluster (
  system_identifier text not null,
  timeline bigint not null,
  first_seen_at timestamptz not null default clock_timestamp(),
  primary key (system_identifier, timeline)
);

-- The cluster and timeline of the server that answers. A standby has no timeline of its own, a role may lack the right
-- to ask and a managed server may not offer the functions: then it is the empty text, and 0.
create function ${schema}.live_cluster(out system_identifier text, out timeline bigint)
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

insert into ${schema}.cluster (system_identifier, timeline, first_seen_at)
select coalesce(meta.system_identifier, live.system_identifier), live.timeline, meta.installed_at
from ${schema}.meta cross join ${schema}.live_cluster() as live;

alter table ${schema}.meta drop column system_identifier;
