extension PrivatePostgres {
    /// What the shell does: one line of answer for each word.
    ///
    /// A server whose processes were killed all at once may find their shared memory still in use; so it is started until
    /// it stands.
    static let script = """
        trap '' INT TERM HUP
        bin=$1
        dir=$(mktemp -d -p "${TMPDIR:-/var/tmp}") || exit 1
        as=
        if [ "$(id -u)" = 0 ]; then
            who=postgres
            id -u $who >/dev/null 2>&1 || who=nobody
            chown $who "$dir"
            as="setpriv --reuid=$who --regid=$(id -g $who) --clear-groups"
        fi
        cd "$dir" || exit 1
        fail() { echo "failed: $(tail -n 3 "$dir/log" | tr '\\n' ' ')"; rm -rf "$dir"; exit 1; }
        $as "$bin/initdb" -D "$dir/data" -U gamekeeper -A trust -N -E UTF8 --no-locale >"$dir/log" 2>&1 || fail
        {
            echo "listen_addresses = ''"
            echo "unix_socket_directories = '$dir'"
            printf '%s\\n' "$2"
        } >>"$dir/data/postgresql.conf"
        begin() {
            tries=0
            until "$bin/pg_isready" -q -h "$dir"; do
                if [ -z "$pid" ] || ! kill -0 $pid 2>/dev/null; then
                    tries=$((tries + 1))
                    [ $tries -le 40 ] || fail
                    $as "$bin/postgres" -D "$dir/data" >>"$dir/log" 2>&1 </dev/null &
                    pid=$!
                fi
                sleep 0.05
            done
        }
        everybody() { echo $pid $(ps -o pid= --ppid $pid); }
        finish() {
            kill -CONT $(everybody) 2>/dev/null
            if [ $1 = KILL ]; then kill -KILL $(everybody) 2>/dev/null; else kill -$1 $pid 2>/dev/null; fi
            wait $pid 2>/dev/null
            pid=
        }
        backends() { ps -o pid=,args= --ppid $pid | awk '/: gamekeeper / { print $1 }'; }
        sql() { "$bin/psql" -X -q -A -t -h "$dir" -U gamekeeper postgres "$@"; }
        cost() {
            for one in $(everybody); do cat /proc/$one/stat 2>/dev/null; done | awk -v hz="$(getconf CLK_TCK)" -v top=$pid '
                { ticks += $14 + $15 } $1 == top { ticks += $16 + $17 } END { printf "%d", ticks * 1000 / hz }'
        }
        limit() {
            sql >>"$dir/log" 2>&1 <<END || return
                SET client_min_messages = error;
                DROP TABLE IF EXISTS bare_head, bare_log;
                CREATE TABLE bare_head (
                    name bytea PRIMARY KEY, version bigint NOT NULL, sequence bigint NOT NULL, token bigint NOT NULL,
                    owner bytea NOT NULL
                ) WITH (fillfactor = 70);
                CREATE TABLE bare_log (
                    sequence bigserial PRIMARY KEY, name bytea NOT NULL, version bigint NOT NULL, at bigint NOT NULL,
                    body bytea NOT NULL
                );
                INSERT INTO bare_head SELECT convert_to('game player ' || n, 'UTF8'), 1, 0, 7, '0123456789abcdef'
                    FROM generate_series(1, $3) AS n;
                CHECKPOINT;
        END
            cat >"$dir/update.sql" <<END
        \\\\set n random(1, $3)
        WITH newer AS (
            UPDATE bare_head SET version = version + 1, sequence = nextval('bare_log_sequence_seq')
            WHERE name = convert_to('game player ' || :n, 'UTF8') AND token = 7 AND owner = '0123456789abcdef'
            RETURNING name, version, sequence
        )
        INSERT INTO bare_log
            SELECT sequence, name, version, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
                convert_to(:body, 'UTF8')
            FROM newer
        RETURNING version;
        END
            body=$(head -c "$(($4 * 3 / 4))" /dev/urandom | base64 -w 0)
            "$bin/pgbench" -n -M prepared -c "$1" -j 2 -T "$2" -D body="$body" -f "$dir/update.sql" \\
                -h "$dir" -U gamekeeper postgres 2>>"$dir/log" | awk '/^tps/ { print $3 }'
        }
        pid=
        begin
        echo "ready $dir"
        while read -r word one two three four; do
            said=
            case $word in
            kill) finish KILL; begin ;;
            crash) finish QUIT; begin ;;
            restart) finish INT; begin ;;
            freeze) kill -STOP $(everybody) 2>/dev/null ;;
            thaw) kill -CONT $(everybody) 2>/dev/null ;;
            cut) kill -TERM $(backends) 2>/dev/null ;;
            stab) kill -KILL $(backends | head -n 1) 2>/dev/null ;;
            cost) said=$(cost) ;;
            ahead) said=$(sql -c "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn") ;;
            limit) said=$(limit "$one" "$two" "$three" "$four") ;;
            leave) break ;;
            esac
            echo "ready $said"
        done
        finish QUIT
        cd /
        rm -rf "$dir"
        """
}
