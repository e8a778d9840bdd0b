#!/bin/sh
# redis-cli: RESP2 and RESP3 lines, MULTI and WATCH, pub/sub, blocking pop, streams, scripts, --scan, --pipe, -x.
set -eu
export LC_ALL=C.UTF-8
if [ "$REDIS_CLUSTER" = 1 ]; then t='{rediscli}' mode=-c; else t=rediscli mode=; fi
if [ -n "$REDIS_PASSWORD" ]; then export REDISCLI_AUTH="$REDIS_PASSWORD"; fi

cli() {
  # shellcheck disable=SC2086
  ${limit:-} $REDIS_CLI $mode -h "$REDIS_HOST" -p "$REDIS_PORT" --tls \
    --cacert "$REDIS_CA" --cert "$REDIS_CERT" --key "$REDIS_KEY" \
    ${REDIS_USER:+--user "$REDIS_USER" --no-auth-warning} "$@"
}

# Where a key is is of no interest: through the proxy there is one node.
say() {
  echo "--- $1"
  shift
  "$@" 2>&1 | sed '/^-> Redirected/d'
}

# Types $1 into redis-cli, T standing for the front of every key.
typed() {
  lines=$1
  shift
  printf '%s\n' "$lines" | sed "s/\\bT:/$t:/g" | cli "$@"
}

for key in a raw n l h s z w q x lua shard big; do cli del "$t:$key" > /dev/null; done
say set typed 'set T:a "Grüße, 世界"
get T:a
set T:raw "\x00\r\n\xff$*"
get T:raw
get T:none
set T:a x nx
incr T:n
incrbyfloat T:n 0.1
lpush T:a x
nosuch T:a
get'
basic='hset T:h one 1 two 2
hgetall T:h
sadd T:s a
smembers T:s
zadd T:z 1.5 one inf last
zrange T:z 0 -1 withscores
zscore T:z one
rpush T:l 1 2 3
lrange T:l 0 -1
del T:h T:s T:z T:l'
say RESP2 typed "$basic" --no-raw -2
say RESP3 typed "$basic" --no-raw -3
for expression in "{map={a=1}}" "{set={a=true}}" "{double=0.5}" true nil "{big_number='12345678901234567890'}"; do
  say "RESP3 $expression" cli -3 --no-raw eval "redis.setresp(3); return $expression" 1 "$t:k"
done

say multi typed 'get T:w
multi
set T:w 1
incr T:w
lpush T:w x
get T:w
exec
multi
set T:w 2
nosuch T:w
exec
multi
set T:w never
discard
get T:w'
overtaken() {
  {
    printf 'get %s\nwatch %s\n' "$t:w" "$t:w"
    sleep 0.5
    cli set "$t:w" "from outside" > /dev/null
    printf 'multi\nset %s mine\nexec\nget %s\n' "$t:w" "$t:w"
  } | cli --no-raw
}
say watch overtaken

# redis-cli listens until it is ended.
listening() {
  (limit="timeout 3" && cli "$@") &
  sleep 1.5
  cli publish rediscli:news hello > /dev/null
  wait || true
}
say subscribe listening subscribe rediscli:news rediscli:more
say psubscribe listening psubscribe 'rediscli:n*'

say "blocking, timeout" cli blpop "$t:q" 0.2
blocked() {
  { sleep 0.5; cli rpush "$t:q" job > /dev/null; } &
  cli blpop "$t:q" 10
  wait
}
say blocking blocked

say streams typed 'xadd T:x 1-1 n 1 text ü
xadd T:x 2-1 n 2
xadd T:x 3-1 n 3
xrange T:x 2 3
xgroup create T:x workers 0
xreadgroup group workers w1 count 2 streams T:x >
xack T:x workers 1-1
xpending T:x workers
xread block 100 streams T:x $' --no-raw
lua="return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}"
say eval cli eval "$lua" 1 "$t:lua" arg
say evalsha typed "get T:lua
script load \"$lua\"
evalsha 0000000000000000000000000000000000000000 1 T:lua arg
eval \"return redis.error_reply('MY own')\" 1 T:lua"
say json cli --json lrange "$t:none" 0 -1
say csv cli --csv get "$t:a"

if [ "$REDIS_CLUSTER" != 1 ]; then
  say whoami cli acl whoami
  say function typed 'function load replace "#!lua name=rediscli\nredis.register_function('"'rediscli_hello'"', function(k, a) return {k[1], a[1]} end)"
fcall rediscli_hello 1 T:fn arg
function delete rediscli'
  pairs=$(for i in $(seq 40); do printf '%s v%d ' "$t:m$i" "$i"; done)
  keys=$(for i in $(seq 40); do printf '%s ' "$t:m$i"; done)
  # shellcheck disable=SC2086
  {
    say mset cli mset $pairs
    say mget cli mget $keys none
    say exists cli exists $keys none
    scanned() { cli --scan --pattern "$t:m*" | sort; }
    say scan scanned
    say del cli del $keys
  }
  # 10,000 commands.
  lines() {
    seq 2500 | awk -v t="$t" '{
      printf "SET %s:p%d \"value %d\"\r\nGET %s:p%d\r\nINCR %s:p%d:n\r\nGETRANGE %s:p%d 0 4\r\n", t, $1, $1, t, $1, t, $1, t, $1
    }'
  }
  pipe() { lines | cli --pipe; }
  say pipe pipe
  values() { seq 2500 | awk -v t="$t" '{ printf "GET %s:p%d\n", t, $1 }' | cli | sha256sum; }
  say values values
  cleanup() { seq 2500 | awk -v t="$t" '{ printf "UNLINK %s:p%d %s:p%d:n\r\n", t, $1, t, $1 }' | cli --pipe; }
  say cleanup cleanup
fi

# 64 MiB.
large() { head -c 67108864 /dev/zero | tr '\0' 'x'; }
bigset() { large | cli -x set "$t:big"; }
bigget() { cli --raw get "$t:big" | sha256sum; }
say "big set" bigset
say "big get" bigget
say "big del" cli unlink "$t:big"
