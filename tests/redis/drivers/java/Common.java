// The common script by jedis.
import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisPubSub;
import redis.clients.jedis.Pipeline;
import redis.clients.jedis.RedisProtocol;
import redis.clients.jedis.Response;
import redis.clients.jedis.StreamEntryID;
import redis.clients.jedis.Transaction;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.params.XAddParams;
import redis.clients.jedis.params.XReadGroupParams;

public class Common {
  private static final String PASSWORD = "changeit";

  public static void main(String[] args) throws Exception {
    for (RedisProtocol protocol : RedisProtocol.values()) {
      say("protocol", protocol);
      try (Jedis r = connect(protocol); Jedis other = connect(protocol)) {
        plain(r);
        transactions(r, other);
        publishing(r, other);
        blocking(r, other);
        streams(r);
        scripts(r);
        large(r);
        say("quit", r.ping());
      }
    }
  }

  private static Jedis connect(RedisProtocol protocol) throws Exception {
    Map<String, String> env = System.getenv();
    DefaultJedisClientConfig config = DefaultJedisClientConfig.builder()
        .ssl(true)
        .sslSocketFactory(sockets(env.get("REDIS_STORE"), env.get("REDIS_TRUST")))
        .user(env.get("REDIS_USER"))
        .password(env.get("REDIS_PASSWORD"))
        .protocol(protocol)
        .socketTimeoutMillis(60_000)
        .build();
    int port = Integer.parseInt(env.get("REDIS_PORT"));
    return new Jedis(new HostAndPort(env.get("REDIS_HOST"), port), config);
  }

  private static SSLSocketFactory sockets(String own, String trusted) throws Exception {
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(store(own), PASSWORD.toCharArray());
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(store(trusted));
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    return context.getSocketFactory();
  }

  private static KeyStore store(String path) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (FileInputStream file = new FileInputStream(path)) {
      store.load(file, PASSWORD.toCharArray());
    }
    return store;
  }

  private static String key(String name) {
    return "java:" + name;
  }

  private static void say(String what, Object value) {
    System.out.println(what + ": " + value);
  }

  private static void plain(Jedis r) {
    say("whoami", r.aclWhoAmI());
    for (String name : r.keys(key("*"))) {
      r.del(name);
    }
    byte[] bytes = {0, -1, 13, 10};
    say("set", r.set(key("bytes").getBytes(), bytes));
    say("get", Arrays.toString(r.get(key("bytes").getBytes())));
    say("nothing", r.get(key("nothing")));
    say("hash", r.hset(key("h"), "a", "1"));
    say("hgetall", r.hgetAll(key("h")));
    r.sadd(key("s"), "x", "y");
    say("set members", new TreeSet<>(r.smembers(key("s"))));
    r.zadd(key("z"), 1.5, "m");
    say("sorted", r.zrangeWithScores(key("z"), 0, -1));
    try {
      r.lpush(key("h"), "1");
    } catch (JedisDataException error) {
      say("error", error.getMessage());
    }
  }

  private static void transactions(Jedis r, Jedis other) {
    Transaction multi = r.multi();
    multi.incr(key("n"));
    multi.incr(key("n"));
    multi.lpush(key("h"), "1");
    say("multi", multi.exec());
    r.watch(key("n"));
    other.set(key("n"), "100");
    Transaction watched = r.multi();
    watched.incr(key("n"));
    say("watch", watched.exec());
  }

  private static void publishing(Jedis r, Jedis other) throws Exception {
    List<String> heard = new ArrayList<>();
    JedisPubSub listener = new JedisPubSub() {
      @Override
      public void onSubscribe(String channel, int count) {
        heard.add("subscribed " + channel + " " + count);
        if (count == 2) {
          other.publish(key("news"), "hello");
        }
      }

      @Override
      public void onMessage(String channel, String message) {
        heard.add(channel + " " + message);
        unsubscribe();
      }

      @Override
      public void onUnsubscribe(String channel, int count) {
        heard.add("unsubscribed " + count);
      }
    };
    r.subscribe(listener, key("news"), key("more"));
    say("heard", heard);
    say("get after", r.get(key("n")));
  }

  private static void blocking(Jedis r, Jedis other) throws Exception {
    Thread later = new Thread(() -> {
      try {
        Thread.sleep(200);
      } catch (InterruptedException error) {
        throw new IllegalStateException(error);
      }
      other.rpush(key("queue"), "job");
    });
    later.start();
    say("blpop", r.blpop(10, key("queue")));
    later.join();
    say("blpop timeout", r.blpop(1, key("queue")));
  }

  private static void streams(Jedis r) {
    String name = key("stream");
    for (int n = 1; n <= 3; n++) {
      XAddParams id = XAddParams.xAddParams().id(n + "-1");
      say("xadd", r.xadd(name, Map.of("f", String.valueOf(n)), id));
    }
    say("group", r.xgroupCreate(name, "g", new StreamEntryID("0-0"), false));
    XReadGroupParams two = XReadGroupParams.xReadGroupParams().count(2);
    Map<String, StreamEntryID> from = Map.of(name, StreamEntryID.XREADGROUP_UNDELIVERED_ENTRY);
    say("xreadgroup", r.xreadGroup("g", "c", two, from));
    say("xack", r.xack(name, "g", new StreamEntryID("1-1")));
    say("pending", r.xpending(name, "g").getTotal());
  }

  private static void scripts(Jedis r) {
    String text = "return {KEYS[1], ARGV[1], redis.call('incr', KEYS[1])}";
    say("eval", r.eval(text, 1, key("counter"), "x"));
    say("evalsha", r.evalsha(r.scriptLoad(text), 1, key("counter"), "y"));
    String code = "#!lua name=javalib\nredis.register_function('jf', function(k, a) return a[1] end)";
    say("function", r.functionLoadReplace(code));
    say("fcall", r.fcall("jf", List.of(key("x")), List.of("arg")));
  }

  private static void large(Jedis r) throws Exception {
    Pipeline writes = r.pipelined();
    for (int i = 0; i < 10_000; i++) {
      writes.set(key("p" + i), String.valueOf(i));
    }
    say("pipeline", new TreeSet<>(writes.syncAndReturnAll().stream().map(String::valueOf).toList()));
    Pipeline reads = r.pipelined();
    List<Response<String>> answers = new ArrayList<>();
    for (int i = 0; i < 10_000; i++) {
      answers.add(reads.get(key("p" + i)));
    }
    reads.sync();
    say("pipeline sum", answers.stream().mapToInt(one -> Integer.parseInt(one.get())).sum());
    byte[] value = new byte[64 * 1024 * 1024];
    for (int i = 0; i < value.length; i++) {
      value[i] = (byte) (i % 251);
    }
    say("set large", r.set(key("large").getBytes(), value));
    byte[] got = r.get(key("large").getBytes());
    MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
    say("large", got.length + " " + HexFormat.of().formatHex(sha256.digest(got)));
    r.del(key("large"));
  }
}
