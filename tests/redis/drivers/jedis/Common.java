import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import redis.clients.jedis.AbstractPipeline;
import redis.clients.jedis.AbstractTransaction;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisCluster;
import redis.clients.jedis.JedisPooled;
import redis.clients.jedis.JedisPubSub;
import redis.clients.jedis.RedisProtocol;
import redis.clients.jedis.Response;
import redis.clients.jedis.StreamEntryID;
import redis.clients.jedis.UnifiedJedis;
import redis.clients.jedis.exceptions.JedisException;
import redis.clients.jedis.params.ScanParams;
import redis.clients.jedis.params.XReadGroupParams;

/** jedis: RESP3 or RESP2, pipelines, MULTI and WATCH, pub/sub, blocking pop, streams, scripts, functions. */
public final class Common {
  static final Map<String, String> env = System.getenv();
  static final boolean clustered = "1".equals(env.get("REDIS_CLUSTER"));
  static final String t = clustered ? "{jedis}" : "jedis";
  static final HostAndPort address = new HostAndPort(env.get("REDIS_HOST"), Integer.parseInt(env.get("REDIS_PORT")));

  interface Work {
    Object run() throws Exception;
  }

  static void say(String step, Object value) {
    System.out.println(step + ": " + plain(value));
  }

  static Object plain(Object value) {
    if (value instanceof byte[] bytes) return new String(bytes, StandardCharsets.UTF_8);
    if (value instanceof Map<?, ?> map) {
      TreeMap<String, Object> sorted = new TreeMap<>();
      map.forEach((key, one) -> sorted.put(String.valueOf(plain(key)), plain(one)));
      return sorted;
    }
    if (value instanceof List<?> list) return list.stream().map(Common::plain).toList();
    if (value instanceof Set<?> set) return new TreeSet<>(set.stream().map(one -> String.valueOf(plain(one))).toList());
    return value instanceof Exception error ? error.getClass().getSimpleName() + " " + error.getMessage() : String.valueOf(value);
  }

  static void tries(String step, Work work) throws Exception {
    try {
      say(step, work.run());
    } catch (JedisException error) {
      say(step, error);
    }
  }

  static DefaultJedisClientConfig settings(RedisProtocol protocol) throws Exception {
    KeyStore mine = KeyStore.getInstance("PKCS12");
    try (InputStream file = new FileInputStream(env.get("REDIS_KEY_PKCS12"))) {
      mine.load(file, "lab".toCharArray());
    }
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(mine, "lab".toCharArray());
    KeyStore theirs = KeyStore.getInstance(KeyStore.getDefaultType());
    theirs.load(null);
    try (InputStream file = new FileInputStream(env.get("REDIS_CA"))) {
      for (Certificate one : CertificateFactory.getInstance("X.509").generateCertificates(file)) {
        theirs.setCertificateEntry("ca" + theirs.size(), one);
      }
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(theirs);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    DefaultJedisClientConfig.Builder made = DefaultJedisClientConfig.builder().ssl(true)
        .sslSocketFactory(context.getSocketFactory()).protocol(protocol).socketTimeoutMillis(60_000);
    if (!env.get("REDIS_USER").isEmpty()) made.user(env.get("REDIS_USER")).password(env.get("REDIS_PASSWORD"));
    return made.build();
  }

  static UnifiedJedis open(RedisProtocol protocol) throws Exception {
    return clustered ? new JedisCluster(Set.of(address), settings(protocol)) : new JedisPooled(address, settings(protocol));
  }

  public static void main(String[] args) throws Exception {
    try (UnifiedJedis client = open("2".equals(env.get("REDIS_PROTOCOL")) ? RedisProtocol.RESP2 : RedisProtocol.RESP3)) {
      for (String key : List.of("a", "n", "l", "h", "s", "z", "w", "x", "q", "lua")) client.del(t + ":" + key);
      basics(client);
      if (!clustered) {
        whoami();
        manyKeys(client);
        watch();
        functions(client);
        try (UnifiedJedis old = open(RedisProtocol.RESP2)) {
          say("RESP2", old.hgetAll(t + ":h"));
        }
      }
      transaction(client);
      pubsub(client);
      blocking(client);
      streams(client);
      scripts(client);
      pipeline(client);
      big(client);
    }
  }

  static void basics(UnifiedJedis client) throws Exception {
    say("set", List.of(client.set(t + ":a", "Grüße, 世界"), client.get(t + ":a")));
    say("missing", client.get(t + ":none"));
    tries("incr", () -> client.incrBy(t + ":n", 1L << 62));
    tries("overflow", () -> client.incrBy(t + ":n", 1L << 62));
    say("list", List.of(client.rpush(t + ":l", "1", "2", "3"), client.lrange(t + ":l", 0, -1)));
    say("hash", List.of(client.hset(t + ":h", Map.of("one", "1", "two", "2")), client.hgetAll(t + ":h")));
    say("set type", List.of(client.sadd(t + ":s", "b", "a"), client.smembers(t + ":s")));
    say("sorted set", List.of(client.zadd(t + ":z", Map.of("one", 1.25, "two", 7.0)), client.zrangeWithScores(t + ":z", 0, -1)));
    tries("wrong type", () -> client.lpush(t + ":a", "x"));
    for (String expression : List.of("{map={a=1}}", "{double=0.5}", "true", "{set={a=true}}")) {
      say("RESP3 " + expression, client.eval("redis.setresp(3); return " + expression, List.of(t + ":k"), List.of()));
    }
  }

  static void whoami() throws Exception {
    try (Jedis one = new Jedis(address, settings(RedisProtocol.RESP3))) {
      say("whoami", one.aclWhoAmI());
    }
  }

  static void manyKeys(UnifiedJedis client) {
    List<String> pairs = new ArrayList<>();
    List<String> keys = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      keys.add(t + ":m" + i);
      pairs.addAll(List.of(t + ":m" + i, "v" + i));
    }
    String[] all = keys.toArray(new String[0]);
    say("mset", client.mset(pairs.toArray(new String[0])));
    say("mget", client.mget(all));
    say("exists", client.exists(all));
    Set<String> found = new TreeSet<>();
    String cursor = ScanParams.SCAN_POINTER_START;
    do {
      var page = client.scan(cursor, new ScanParams().match(t + ":m*").count(7));
      found.addAll(page.getResult());
      cursor = page.getCursor();
    } while (!cursor.equals(ScanParams.SCAN_POINTER_START));
    say("scan", found);
    say("del", client.del(all));
  }

  static void watch() throws Exception {
    try (Jedis one = new Jedis(address, settings(RedisProtocol.RESP3)); Jedis other = new Jedis(address, settings(RedisProtocol.RESP3))) {
      one.watch(t + ":w");
      other.set(t + ":w", "from outside");
      AbstractTransaction lost = one.multi();
      lost.set(t + ":w", "mine");
      say("watch lost", lost.exec());
      one.watch(t + ":w");
      AbstractTransaction won = one.multi();
      won.set(t + ":w", "mine");
      won.get(t + ":w");
      say("watch won", won.exec());
    }
  }

  static void functions(UnifiedJedis client) throws Exception {
    String code = "#!lua name=jedislib\nredis.register_function('jedis_hello', function(k, a) return {k[1], a[1]} end)";
    say("function load", client.functionLoadReplace(code));
    say("fcall", client.fcall("jedis_hello", List.of(t + ":fn"), List.of("arg")));
    say("function delete", client.functionDelete("jedislib"));
  }

  static void transaction(UnifiedJedis client) {
    if (clustered) return;
    try (AbstractTransaction multi = client.multi()) {
      multi.set(t + ":w", "1");
      multi.incr(t + ":w");
      multi.lpush(t + ":w", "x");
      multi.get(t + ":w");
      say("multi", multi.exec());
    }
  }

  static void pubsub(UnifiedJedis client) throws Exception {
    List<String> heard = new ArrayList<>();
    JedisPubSub listener = new JedisPubSub() {
      @Override
      public void onMessage(String channel, String message) {
        heard.add(channel + "|" + message);
        if (heard.size() == 2) unsubscribe();
      }

      @Override
      public void onUnsubscribe(String channel, int count) {
        heard.add("unsubscribed|" + count);
      }
    };
    Thread thread = new Thread(() -> client.subscribe(listener, "jedis:news", "jedis:more"));
    thread.start();
    while (listener.getSubscribedChannels() < 2) Thread.sleep(50);
    client.publish("jedis:news", "hello");
    client.publish("jedis:more", "Grüße");
    thread.join(5_000);
    say("heard", new TreeSet<>(heard));
  }

  static void blocking(UnifiedJedis client) throws Exception {
    say("blocking, timeout", client.blpop(0.2, t + ":q"));
    List<Object> found = new ArrayList<>();
    Thread thread = new Thread(() -> found.add(client.blpop(10, t + ":q")));
    thread.start();
    Thread.sleep(400);
    client.rpush(t + ":q", "job");
    thread.join();
    say("blocking", found);
  }

  static void streams(UnifiedJedis client) {
    for (int i = 1; i <= 5; i++) client.xadd(t + ":x", new StreamEntryID(i, 1), Map.of("n", String.valueOf(i)));
    say("xrange", client.xrange(t + ":x", "2", "3"));
    say("xgroup", client.xgroupCreate(t + ":x", "workers", new StreamEntryID(0, 0), false));
    XReadGroupParams two = XReadGroupParams.xReadGroupParams().count(2);
    say("xreadgroup", client.xreadGroup("workers", "w1", two, Map.of(t + ":x", StreamEntryID.XREADGROUP_UNDELIVERED_ENTRY)));
    say("xack", client.xack(t + ":x", "workers", new StreamEntryID(1, 1)));
    say("xpending", client.xpending(t + ":x", "workers").getTotal());
  }

  static void scripts(UnifiedJedis client) throws Exception {
    String lua = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}";
    say("eval", client.eval(lua, List.of(t + ":lua"), List.of("arg")));
    String digest = client.scriptLoad(lua, t + ":lua");
    say("script load", digest);
    say("evalsha", client.evalsha(digest, List.of(t + ":lua"), List.of("arg")));
    tries("noscript", () -> client.evalsha("0".repeat(40), List.of(t + ":lua"), List.of()));
  }

  static void pipeline(UnifiedJedis client) throws Exception {
    List<Response<?>> answers = new ArrayList<>();
    try (AbstractPipeline pipe = client.pipelined()) {
      for (int i = 0; i < 2500; i++) {
        String key = t + ":p" + i;
        answers.add(pipe.set(key, "value " + i));
        answers.add(pipe.get(key));
        answers.add(pipe.incr(key + ":n"));
        answers.add(pipe.getrange(key, 0, 4));
      }
      pipe.sync();
    }
    StringBuilder all = new StringBuilder();
    for (Response<?> one : answers) all.append(one.get()).append('\n');
    say("pipeline", List.of(answers.size(), sha(all.toString().getBytes(StandardCharsets.UTF_8))));
    try (AbstractPipeline pipe = client.pipelined()) {
      for (int i = 0; i < 2500; i++) {
        pipe.unlink(t + ":p" + i);
        pipe.unlink(t + ":p" + i + ":n");
      }
      pipe.sync();
    }
  }

  static void big(UnifiedJedis client) throws Exception {
    byte[] value = "0123456789abcdef".repeat(4 * 1024 * 1024).getBytes(StandardCharsets.UTF_8);
    byte[] key = (t + ":big").getBytes(StandardCharsets.UTF_8);
    say("big set", client.set(key, value));
    say("big get", sha(client.get(key)));
    say("big del", client.del(key));
  }

  static String sha(byte[] data) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(data));
  }
}
