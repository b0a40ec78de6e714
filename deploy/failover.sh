#!/bin/bash
# Fails PostgreSQL over while Caravan runs on it, and looks for every message that was
# acknowledged: the recipe of docs/scaling.md, "Fail-over", as commands.
#
#   deploy/failover.sh [plain|repmgr] [direct|pgbouncer]
#
# It needs what `apt-get install postgresql curl` installs, and repmgr with
# postgresql-15-repmgr, or pgbouncer, where those are asked for; and bin/caravan, or what
# CARAVAN names. All servers are its own, on PORT (default 15430) and the nine after it, and end
# with it.
set -euo pipefail
how=${1:-plain} way=${2:-direct}
case "$#:$how:$way" in
[012]:plain:direct | [012]:plain:pgbouncer | [012]:repmgr:direct | [012]:repmgr:pgbouncer) ;;
*)
  echo "usage: deploy/failover.sh [plain|repmgr] [direct|pgbouncer]" >&2
  exit 2
  ;;
esac
base=${PORT:-15430} caravan=$(realpath "${CARAVAN:-bin/caravan}")
bin=$(pg_config --bindir 2>/dev/null || ls -d /usr/lib/postgresql/*/bin | tail -1)
dir=$(mktemp -d /tmp/caravan-failover.XXXXXX)
chmod 755 "$dir"
a=$base b=$((base + 1)) bouncer=$((base + 2)) chat=$((base + 3)) admin=$((base + 4))
own=() # PostgreSQL and PgBouncer do not run as root
if [ "$(id -u)" = 0 ]; then
  own=(runuser -u postgres --)
  chown postgres "$dir"
fi
pg() { "${own[@]}" env LC_ALL=C PATH="$bin:$PATH" "$@"; }
sql() { pg psql -qAtX -h 127.0.0.1 -p "$1" -U postgres -d "${3:-postgres}" -c "$2"; }
say() { printf '%3d s  %s\n' "$SECONDS" "$*"; }

end() {
  [ -z "${server:-}" ] || kill "$server" 2>/dev/null || true
  [ -z "${writer:-}" ] || kill "$writer" 2>/dev/null || true
  [ ! -e "$dir/pgbouncer.pid" ] || kill "$(cat "$dir/pgbouncer.pid")" 2>/dev/null || true
  for data in "$dir/a" "$dir/b"; do pg pg_ctl -D "$data" stop -m immediate >/dev/null 2>&1 || true; done
  wait
  [ "${passed:-}" != yes ] || rm -rf "$dir"
}
trap end EXIT

await() { # a condition that must come true
  local what=$1
  shift
  for _ in $(seq 600); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
  echo "not within 60 s: $what; see $dir" >&2
  exit 1
}
streams() { [ "$(sql "$1" "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'")" = 1 ]; }

# start gives the port, which no two machines of yours would need: pg_rewind copies the
# other server's configuration.
port() { [ "$1" = a ] && echo "$a" || echo "$b"; }
start() { pg pg_ctl -D "$dir/$1" -w -l "$dir/$1.log" -o "-p $(port "$1")" start >/dev/null; }

# settings of both servers. wal_log_hints lets pg_rewind bring the former primary back.
configure() {
  cat >>"$dir/$1/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
unix_socket_directories = '$dir'
wal_log_hints = on
wal_keep_size = 256MB
synchronous_commit = on
END
}

# protect has a commit wait for the standby.
protect() {
  await "the standby streams" streams "$1"
  sql "$1" "ALTER SYSTEM SET synchronous_standby_names = '*'"
  sql "$1" "SELECT pg_reload_conf()" >/dev/null
}

unprotect() {
  sql "$1" "ALTER SYSTEM SET synchronous_standby_names = ''"
  sql "$1" "SELECT pg_reload_conf()" >/dev/null
}

repmgr_conf() { # node, number, port
  cat >"$dir/$1.repmgr" <<END
node_id=$2
node_name='$1'
conninfo='host=127.0.0.1 port=$3 user=postgres dbname=repmgr connect_timeout=2'
data_directory='$dir/$1'
pg_bindir='$bin'
service_start_command='$bin/pg_ctl -D $dir/$1 -w -l $dir/$1.log -o "-p $3" start'
END
}
repmgr() { pg repmgr -f "$dir/$1.repmgr" "${@:2}" >>"$dir/repmgr.log" 2>&1; }

build() { # a primary and a standby
  pg initdb -D "$dir/a" -U postgres -A trust --no-sync >/dev/null
  configure a
  start a
  sql "$a" "CREATE DATABASE caravan"
  if [ "$how" = repmgr ]; then
    sql "$a" "CREATE DATABASE repmgr"
    repmgr_conf a 1 "$a"
    repmgr_conf b 2 "$b"
    repmgr a primary register
    repmgr b -h 127.0.0.1 -p "$a" -U postgres -d repmgr standby clone --fast-checkpoint
  else
    pg pg_basebackup -D "$dir/b" -h 127.0.0.1 -p "$a" -U postgres -R -X stream -c fast --no-sync
  fi
  start b
  [ "$how" != repmgr ] || repmgr b standby register
  protect "$a"
}

bounce() { # PgBouncer leads to the server on a port
  cat >"$dir/pgbouncer.ini" <<END
[databases]
caravan = host=127.0.0.1 port=$1 dbname=caravan user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $bouncer
unix_socket_dir =
auth_type = any
admin_users = postgres
logfile = $dir/pgbouncer.log
pidfile = $dir/pgbouncer.pid
pool_mode = transaction
server_login_retry = 1
server_connect_timeout = 2
ignore_startup_parameters = statement_timeout, plan_cache_mode, enable_seqscan, enable_bitmapscan, enable_hashjoin, enable_mergejoin, jit, idle_in_transaction_session_timeout, lock_timeout, tcp_keepalives_idle, tcp_keepalives_interval, tcp_keepalives_count
END
  if [ -e "$dir/pgbouncer.pid" ]; then
    pg psql -qX -h 127.0.0.1 -p "$bouncer" -U postgres pgbouncer -c RELOAD
  else
    pg pgbouncer -q -d "$dir/pgbouncer.ini"
  fi
}

serve() {
  local url="postgres://postgres@127.0.0.1:$a,127.0.0.1:$b/caravan?sslmode=disable&target_session_attrs=read-write"
  if [ "$way" = pgbouncer ]; then
    bounce "$a"
    url="postgres://postgres@127.0.0.1:$bouncer/caravan?sslmode=disable&default_query_exec_mode=cache_describe"
    for setting in "plan_cache_mode = force_generic_plan" "enable_seqscan = off" "enable_bitmapscan = off" "enable_hashjoin = off" \
      "enable_mergejoin = off" "jit = off" "idle_in_transaction_session_timeout = '3s'" "lock_timeout = '1s'"; do
      sql "$a" "ALTER ROLE postgres IN DATABASE caravan SET $setting"
    done
  fi
  export CARAVAN_DATABASE=$url CARAVAN_JWT_SECRET=0123456789abcdef0123456789abcdef
  "$caravan" serve --listen "127.0.0.1:$chat" --admin-listen "127.0.0.1:$admin" 2>"$dir/caravan.log" &
  server=$!
  await "Caravan is ready" curl -sf "http://127.0.0.1:$admin/readyz"
  "$caravan" seed --users 1 --trips 1 >/dev/null 2>&1
  IFS='|' read -r user trip <<<"$(sql "$a" "SELECT user_id, trip_id FROM collaborators" caravan)"
  token=$("$caravan" token --user "$user")
}

post() { # a message; prints its id where it was acknowledged
  curl -s -m 60 -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -d "{\"chat_room\":\"$trip\",\"content\":\"$1\",\"client_id\":\"$1\"}" "http://127.0.0.1:$chat/api/v1/chat/messages/" |
    sed -n 's/^{"id":"\([^"]*\)".*/\1/p'
}

write() { # on and on
  for n in $(seq 1000000); do
    id=$(post "message-$n") || true
    if [ -n "$id" ]; then echo "$id" >>"$dir/acknowledged"; else sleep 0.2; fi
  done
}
acknowledged() { wc -l <"$dir/acknowledged"; }
more() { [ "$(acknowledged)" -gt "$1" ]; }

build
serve
say "a primary, a synchronous standby, Caravan ($how, $way)"
touch "$dir/acknowledged"
write &
writer=$!
await "messages are stored" more 20

# 1. Fence: nobody may write to the former primary any more, whatever becomes of it.
pg pg_ctl -D "$dir/a" stop -m immediate >/dev/null
say "the primary is fenced: stopped, and nothing starts it again; $(acknowledged) acknowledged"

# 2. Promote, and let the new primary commit without a standby, or nothing is stored
#    until there is one.
if [ "$how" = repmgr ]; then repmgr b standby promote; else pg pg_ctl -D "$dir/b" -w promote >/dev/null; fi
unprotect "$b"
[ "$way" != pgbouncer ] || bounce "$b"
say "the standby is promoted"
before=$(acknowledged)
await "messages are stored again" more "$before"
say "messages are stored again"
await "Caravan is ready again" curl -sf "http://127.0.0.1:$admin/readyz"

# 3. Bring the former primary back, as a standby. Without the checkpoint pg_rewind reads
#    the timeline of before the promotion, and finds nothing to do.
sql "$b" CHECKPOINT
if [ "$how" = repmgr ]; then
  repmgr a -d "host=127.0.0.1 port=$b user=postgres dbname=repmgr" node rejoin --force-rewind
else
  start a # a crash is recovered before anything can be rewound
  pg pg_ctl -D "$dir/a" -w stop -m fast >/dev/null
  pg pg_rewind -D "$dir/a" --source-server="host=127.0.0.1 port=$b user=postgres dbname=postgres" >"$dir/rewind.log" 2>&1
  pg touch "$dir/a/standby.signal"
  echo "primary_conninfo = 'host=127.0.0.1 port=$b user=postgres'" | pg tee -a "$dir/a/postgresql.auto.conf" >/dev/null
  start a
fi
protect "$b"
say "the former primary is the synchronous standby"
await "messages are stored" more "$(acknowledged)"

# 4. The account.
kill "$writer"
wait "$writer" 2>/dev/null || true
lost=0 all=$(sql "$b" "SELECT id FROM chat_messages" caravan)
while read -r id; do grep -qF "$id" <<<"$all" || lost=$((lost + 1)); done <"$dir/acknowledged"
gaps=$(sql "$b" "SELECT max(seq) - count(*) FROM chat_messages" caravan)
say "$(acknowledged) acknowledged, $lost lost; $gaps numbers without a message"
[ "$lost" = 0 ] && [ "$gaps" = 0 ]
passed=yes
