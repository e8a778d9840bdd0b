/**
 * Every command: its categories, where its keys are, and the names that have both. Made by
 * `scripts/redis_commands.ts` from what servers answer to COMMAND; the notation is there.
 */
export const commandTable: readonly (readonly [string, string, string])[] = [
  [
    "",
    "1+0/1/0",
    "vadd vcard vdim vemb vgetattr vinfo vismember vlinks vrandmember vrem vsetattr" +
    " vsim",
  ],
  [
    "admin connection dangerous slow",
    "",
    "client|kill client|list client|no-evict client|pause client|unblock" +
    " client|unpause",
  ],
  ["admin dangerous fast", "", "lastsave role"],
  ["admin dangerous hyperloglog slow write", "2+0/1/0", "pfdebug"],
  ["admin dangerous hyperloglog slow", "", "pfselftest"],
  ["admin dangerous keyspace slow write", "", "cluster|flushslot"],
  [
    "admin dangerous slow",
    "",
    "acl|deluser acl|dryrun acl|getuser acl|list acl|load acl|log acl|save acl|setuser" +
    " acl|users bgrewriteaof bgsave cluster|addslots cluster|addslotsrange" +
    " cluster|bumpepoch cluster|cancelslotmigrations cluster|count-failure-reports" +
    " cluster|delslots cluster|delslotsrange cluster|failover cluster|flushslots" +
    " cluster|forget cluster|getslotmigrations cluster|meet cluster|migrateslots" +
    " cluster|replicas cluster|replicate cluster|reset cluster|saveconfig" +
    " cluster|set-config-epoch cluster|setslot cluster|slaves cluster|syncslots" +
    " commandlog|get commandlog|len commandlog|reset config|get config|resetstat" +
    " config|rewrite config|set debug failover latency|doctor latency|graph" +
    " latency|histogram latency|history latency|latest latency|reset module|list" +
    " module|load module|loadex module|unload monitor psync replconf replicaof save" +
    " shutdown slaveof slowlog|get slowlog|len slowlog|reset sync",
  ],
  ["bitmap fast read", "1+0/1/0", "bitfield_ro getbit"],
  ["bitmap read slow", "1+0/1/0", "bitcount bitpos"],
  ["bitmap slow write", "1+0/1/0", "bitfield setbit"],
  ["bitmap slow write", "2+0/1/0 3+-1/1/0", "bitop"],
  ["blocking connection slow", "", "waitaof"],
  ["blocking fast sortedset write", "1+-2/1/0", "bzpopmax bzpopmin"],
  ["blocking list slow write", "1+-2/1/0", "blpop brpop"],
  ["blocking list slow write", "1+0/1/0 2+0/1/0", "blmove brpoplpush"],
  ["blocking list slow write", "2#0/1/1", "blmpop"],
  ["blocking read slow stream", "STREAMS@1+-1/1/2", "xread"],
  ["blocking slow sortedset write", "2#0/1/1", "bzmpop"],
  ["blocking slow stream write", "STREAMS@4+-1/1/2", "xreadgroup"],
  ["connection fast", "", "asking auth echo hello ping quit readonly readwrite reset select"],
  [
    "connection slow",
    "",
    "client|caching client|capa client|getname client|getredir client|help client|id" +
    " client|import-source client|info client|no-touch client|reply client|setinfo" +
    " client|setname client|tracking client|trackinginfo command command|count" +
    " command|docs command|getkeys command|getkeysandflags command|help command|info" +
    " command|list wait",
  ],
  ["dangerous fast keyspace write", "", "swapdb"],
  ["dangerous keyspace read slow", "", "keys"],
  ["dangerous keyspace slow write", "", "flushall flushdb"],
  ["dangerous keyspace slow write", "1+0/1/0", "restore restore-asking"],
  ["dangerous keyspace slow write", "3+0/1/0 KEYS@-2+-1/1/0", "migrate"],
  ["dangerous list read set slow sortedset", "1+0/1/0 ?", "sort_ro"],
  ["dangerous list set slow sortedset write", "1+0/1/0 ? ?", "sort"],
  ["dangerous slow", "", "info"],
  [
    "fast hash read",
    "1+0/1/0",
    "hexists hexpiretime hget hlen hmget hpexpiretime hpttl hstrlen httl",
  ],
  [
    "fast hash write",
    "1+0/1/0",
    "hdel hexpire hexpireat hgetdel hgetex hincrby hincrbyfloat hmset hpersist" +
    " hpexpire hpexpireat hset hsetex hsetnx",
  ],
  ["fast hyperloglog write", "1+0/1/0", "pfadd"],
  ["fast keyspace read", "", "dbsize"],
  ["fast keyspace read", "1+-1/1/0", "exists touch"],
  ["fast keyspace read", "1+0/1/0", "expiretime pexpiretime pttl ttl type"],
  ["fast keyspace write", "1+-1/1/0", "unlink"],
  ["fast keyspace write", "1+0/1/0 2+0/1/0", "renamenx"],
  ["fast keyspace write", "1+0/1/0", "expire expireat move persist pexpire pexpireat"],
  ["fast list read", "1+0/1/0", "llen"],
  ["fast list write", "1+0/1/0", "lpop lpush lpushx rpop rpush rpushx"],
  ["fast pubsub", "", "publish spublish"],
  ["fast read set", "1+0/1/0", "scard sismember smismember"],
  ["fast read sortedset", "1+0/1/0", "zcard zcount zlexcount zmscore zrank zrevrank zscore"],
  ["fast read stream", "1+0/1/0", "xlen"],
  ["fast read string", "1+-1/1/0", "mget"],
  ["fast read string", "1+0/1/0", "get strlen"],
  ["fast read", "", "lolwut"],
  ["fast set write", "1+0/1/0 2+0/1/0", "smove"],
  ["fast set write", "1+0/1/0", "sadd spop srem"],
  ["fast sortedset write", "1+0/1/0", "zadd zincrby zpopmax zpopmin zrem"],
  ["fast stream write", "1+0/1/0", "xack xadd xautoclaim xclaim xdel xsetid"],
  [
    "fast string write",
    "1+0/1/0",
    "append decr decrby delifeq getdel getex getset incr incrby incrbyfloat setnx",
  ],
  ["fast transaction", "", "discard multi unwatch"],
  ["fast transaction", "1+-1/1/0", "watch"],
  ["fast", "", "time"],
  [
    "geo read slow",
    "1+0/1/0",
    "geodist geohash geopos georadius_ro georadiusbymember_ro geosearch",
  ],
  ["geo slow write", "1+0/1/0 2+0/1/0", "geosearchstore"],
  ["geo slow write", "1+0/1/0 STORE@5+0/1/0 STOREDIST@5+0/1/0", "georadiusbymember"],
  ["geo slow write", "1+0/1/0 STORE@6+0/1/0 STOREDIST@6+0/1/0", "georadius"],
  ["geo slow write", "1+0/1/0", "geoadd"],
  ["hash read slow", "1+0/1/0", "hgetall hkeys hrandfield hscan hvals"],
  ["hyperloglog read slow", "1+-1/1/0", "pfcount"],
  ["hyperloglog slow write", "1+0/1/0 2+-1/1/0", "pfmerge"],
  ["keyspace read slow", "", "clusterscan randomkey scan"],
  ["keyspace read slow", "1+0/1/0", "dump"],
  ["keyspace read slow", "2+0/1/0", "object|encoding object|freq object|idletime object|refcount"],
  ["keyspace slow write", "1+-1/1/0", "del"],
  ["keyspace slow write", "1+0/1/0 2+0/1/0", "copy rename"],
  ["keyspace slow", "", "object|help"],
  ["list read slow", "1+0/1/0", "lindex lpos lrange"],
  ["list slow write", "1#0/1/1", "lmpop"],
  ["list slow write", "1+0/1/0 2+0/1/0", "lmove rpoplpush"],
  ["list slow write", "1+0/1/0", "linsert lrem lset ltrim"],
  [
    "pubsub slow",
    "",
    "psubscribe pubsub|channels pubsub|numpat pubsub|numsub pubsub|shardchannels" +
    " pubsub|shardnumsub punsubscribe ssubscribe subscribe sunsubscribe unsubscribe",
  ],
  ["read set slow", "1#0/1/1", "sintercard"],
  ["read set slow", "1+-1/1/0", "sdiff sinter sunion"],
  ["read set slow", "1+0/1/0", "smembers srandmember sscan"],
  ["read slow sortedset", "1#0/1/1", "zdiff zinter zintercard zunion"],
  [
    "read slow sortedset",
    "1+0/1/0",
    "zrandmember zrange zrangebylex zrangebyscore zrevrange zrevrangebylex" +
    " zrevrangebyscore zscan",
  ],
  ["read slow stream", "1+0/1/0", "xpending xrange xrevrange"],
  ["read slow stream", "2+0/1/0", "xinfo|consumers xinfo|groups xinfo|stream"],
  ["read slow string", "1+0/1/0", "getrange substr"],
  ["read slow string", "1+1/1/0", "lcs"],
  ["read slow", "2+0/1/0", "memory|usage"],
  ["scripting slow write", "", "function|delete function|flush function|load function|restore"],
  [
    "scripting slow",
    "",
    "function|dump function|help function|kill function|list function|stats" +
    " script|debug script|exists script|flush script|help script|kill script|load" +
    " script|show",
  ],
  ["scripting slow", "2#0/1/1", "eval eval_ro evalsha evalsha_ro fcall fcall_ro"],
  ["set slow write", "1+0/1/0 2+-1/1/0", "sdiffstore sinterstore sunionstore"],
  ["slow sortedset write", "1#0/1/1", "zmpop"],
  ["slow sortedset write", "1+0/1/0 2#0/1/1", "zdiffstore zinterstore zunionstore"],
  ["slow sortedset write", "1+0/1/0 2+0/1/0", "zrangestore"],
  ["slow sortedset write", "1+0/1/0", "zremrangebylex zremrangebyrank zremrangebyscore"],
  ["slow stream write", "1+0/1/0", "xtrim"],
  [
    "slow stream write",
    "2+0/1/0",
    "xgroup|create xgroup|createconsumer xgroup|delconsumer xgroup|destroy" +
    " xgroup|setid",
  ],
  ["slow stream", "", "xgroup|help xinfo|help"],
  ["slow string write", "1#0/1/2", "msetex"],
  ["slow string write", "1+-1/2/0", "mset msetnx"],
  ["slow string write", "1+0/1/0", "psetex set setex setrange"],
  ["slow transaction", "", "exec"],
  [
    "slow",
    "",
    "acl acl|cat acl|genpass acl|help acl|whoami client cluster" +
    " cluster|countkeysinslot cluster|getkeysinslot cluster|help cluster|info" +
    " cluster|keyslot cluster|links cluster|myid cluster|myshardid cluster|nodes" +
    " cluster|shards cluster|slot-stats cluster|slots commandlog commandlog|help" +
    " config config|help function latency latency|help memory memory|doctor" +
    " memory|help memory|malloc-stats memory|purge memory|stats module module|help" +
    " object pubsub pubsub|help script slowlog slowlog|help xgroup xinfo",
  ],
];
