import type { TestDatabase } from '../../support/database.ts'

/** Everything that a role may do with what is in the schema, one line for each thing. */
export async function rightsOf({ pool }: TestDatabase, schema: string, role: string): Promise<string[]> {
  const { rows } = await pool.query<{ name: string; privileges: string }>(
    `with thing as (
       select c.oid, c.relname::text as name, c.relkind,
         case c.relkind when 'S' then '{select,usage,update}'::text[]
           else '{select,insert,update,delete,truncate,references,trigger}' end as privileges
       from pg_class c where c.relnamespace = (select oid from pg_namespace where nspname = $2)
         and c.relkind in ('r', 'p', 'S', 'v')
     ), allowed as (
       select name, privilege from thing cross join lateral unnest(privileges) as p (privilege)
       where case relkind when 'S' then has_sequence_privilege($1, oid, privilege)
         else has_table_privilege($1, oid, privilege) or
           (privilege in ('select', 'insert', 'update', 'references') and has_any_column_privilege($1, oid, privilege)) end
       union all
       select proname, 'execute' from pg_proc
       where pronamespace = (select oid from pg_namespace where nspname = $2)
         and has_function_privilege($1, oid, 'execute')
     )
     select name, string_agg(privilege, ' ' order by privilege) as privileges from allowed group by name`,
    [role, schema],
  )
  return rows.map(({ name, privileges }) => `${name} ${privileges}`).sort()
}

/** What a role may do beyond that: add to the schema, change what is its own, pass rights on, be another role. */
export async function powersOf({ pool }: TestDatabase, schema: string, role: string): Promise<string[]> {
  const { rows } = await pool.query<{ power: string }>(
    `with home as (select * from pg_namespace where nspname = $2),
     given as (
       select relname::text as name, relacl as acl from pg_class where relnamespace = (select oid from home)
       union all select proname, proacl from pg_proc where pronamespace = (select oid from home)
       union all select nspname, nspacl from home
     )
     select 'create in ' || nspname as power from home where has_schema_privilege($1, oid, 'create')
     union all select 'create in ' || datname from pg_database
     where datname = current_database() and has_database_privilege($1, oid, 'create')
     union all select 'own ' || pg_describe_object(classid, objid, 0) from pg_shdepend
     where refobjid = $1::regrole and deptype = 'o' and dbid = (select oid from pg_database where datname = current_database())
     union all select 'be ' || roleid::regrole from pg_auth_members where member = $1::regrole
     union all select 'rule the server' from pg_roles
     where rolname = $1 and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)
     union all select 'give away ' || name from given cross join lateral aclexplode(acl) as a
     where a.grantee in (0, $1::regrole) and (a.is_grantable or a.privilege_type = 'MAINTAIN')`,
    [role, schema],
  )
  return rows.map(({ power }) => power).sort()
}
