import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.math.BigDecimal;
import java.security.MessageDigest;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Savepoint;
import java.sql.Statement;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.UUID;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

/** pgjdbc: text and binary transfer, every query mode, batches, cursors, COPY both ways, cancel. */
public final class Common {
  public static void main(String[] args) throws Exception {
    String[][] modes = {
      {"extended", "true", "5"}, {"extended", "false", "5"}, {"extended", "true", "-1"},
      {"extendedForPrepared", "true", "1"}, {"extendedCacheEverything", "true", "1"}, {"simple", "false", "5"},
    };
    for (String[] mode : modes) {
      Shared.say("mode", Arrays.toString(mode));
      Map<String, String> settings = Map.of("preferQueryMode", mode[0], "binaryTransfer", mode[1], "prepareThreshold", mode[2]);
      try (Connection connection = Shared.connect(settings)) {
        // Several statements in one with binary results from the start: pgjdbc mixes up their columns.
        if (!mode[2].equals("-1")) several(connection);
        statements(connection);
        types(connection);
        batches(connection);
        transactions(connection);
        cursors(connection);
        Shared.cancelled(connection, "cancel");
        try (Statement s = connection.createStatement()) {
          s.setQueryTimeout(1);
          Shared.fails("query timeout", () -> s.executeQuery("select pg_sleep(30)"));
          s.setQueryTimeout(0);
          Shared.say("still usable", Shared.query(s, "select 42"));
          s.execute("drop table jdbc_t");
        }
      }
    }
    try (Connection connection = Shared.connect(Map.of())) {
      copies(connection);
      large(connection);
    }
  }

  static void several(Connection connection) throws Exception {
    try (Statement s = connection.createStatement()) {
      boolean more = s.execute("select 1 as a; select 'two' as b; create temp table sev as select 2 as n; select 3 as c");
      while (more || s.getUpdateCount() >= 0) {
        Shared.say("several", more ? Shared.rows(s.getResultSet()) : s.getUpdateCount());
        more = s.getMoreResults();
      }
    }
  }

  static void statements(Connection connection) throws Exception {
    try (Statement s = connection.createStatement()) {
      s.execute("drop table if exists jdbc_t");
      s.execute("create table jdbc_t (id int primary key, name text, n numeric, at timestamptz, d date, u uuid,"
          + " raw bytea, a int[], b bool, f float8, l int8)");
      for (String sql : new String[] {"select 1/0", "selec 1", "select * from no_such_table"}) {
        Shared.fails("error", () -> s.executeQuery(sql));
      }
      s.execute("do $$ begin raise notice 'a notice'; end $$");
      Shared.say("notice", s.getWarnings() == null ? null : s.getWarnings().getMessage());
    }
    try (PreparedStatement p = connection.prepareStatement("select ?::int + 1, ?::text")) {
      for (int i = 0; i < 8; i++) {
        p.setInt(1, i);
        p.setString(2, "wert ü " + i);
        Shared.say("prepared", Shared.rows(p.executeQuery()));
      }
    }
  }

  static void types(Connection connection) throws Exception {
    String sql = "insert into jdbc_t values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    try (PreparedStatement p = connection.prepareStatement(sql)) {
      for (int i = 0; i < 7; i++) {
        p.setInt(1, i);
        p.setString(2, "Grüße, 世界 " + i);
        p.setBigDecimal(3, new BigDecimal("-12345678901234.000567"));
        p.setObject(4, OffsetDateTime.parse("2026-01-02T03:04:05.678901Z"));
        p.setObject(5, LocalDate.of(1999, 12, 31));
        p.setObject(6, UUID.fromString("01234567-89ab-cdef-0123-456789abcdef"));
        p.setBytes(7, new byte[] {0, 1, -1});
        p.setArray(8, connection.createArrayOf("int4", new Integer[] {1, null, i}));
        p.setBoolean(9, i % 2 == 0);
        p.setDouble(10, 1.5e300);
        p.setLong(11, 1L << 40);
        p.executeUpdate();
      }
    }
    try (PreparedStatement p = connection.prepareStatement("select * from jdbc_t where id = ?")) {
      for (int i = 0; i < 7; i++) {
        p.setInt(1, i);
        Shared.say("types", Shared.rows(p.executeQuery()));
      }
    }
    Shared.fails("bad parameter", () -> {
      try (PreparedStatement p = connection.prepareStatement("select ?::int")) {
        p.setObject(1, "many", java.sql.Types.OTHER);
        p.executeQuery();
      }
    });
  }

  static void batches(Connection connection) throws Exception {
    try (PreparedStatement p = connection.prepareStatement("insert into jdbc_t (id, name) values (?, ?)")) {
      for (int i = 0; i < 600; i++) {
        p.setInt(1, 1000 + i);
        p.setString(2, "batch " + i);
        p.addBatch();
      }
      Shared.say("batch", p.executeBatch().length);
      for (int id : new int[] {2000, 1000, 2001}) {
        p.setInt(1, id);
        p.setString(2, "broken");
        p.addBatch();
      }
      try {
        p.executeBatch();
      } catch (BatchUpdateException error) {
        Shared.say("broken batch", error.getSQLState() + " " + Arrays.toString(error.getUpdateCounts()));
      }
    }
    try (PreparedStatement p = connection.prepareStatement("insert into jdbc_t (id) values (3000), (3001)",
        Statement.RETURN_GENERATED_KEYS)) {
      p.executeUpdate();
      Shared.say("generated keys", Shared.rows(p.getGeneratedKeys()));
    }
  }

  static void transactions(Connection connection) throws Exception {
    connection.setAutoCommit(false);
    try (Statement s = connection.createStatement()) {
      s.executeUpdate("insert into jdbc_t (id) values (5000)");
      Savepoint before = connection.setSavepoint();
      Shared.fails("duplicate", () -> s.executeUpdate("insert into jdbc_t (id) values (5000)"));
      Shared.fails("aborted", () -> s.executeQuery("select 1"));
      connection.rollback(before);
      connection.commit();
      s.executeUpdate("delete from jdbc_t");
      connection.rollback();
      Shared.say("count", Shared.query(s, "select count(*) from jdbc_t"));
      connection.commit();
      connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
      Shared.say("isolation", Shared.query(s, "show transaction isolation level"));
      connection.commit();
    }
    connection.setAutoCommit(true);
  }

  static void cursors(Connection connection) throws Exception {
    connection.setAutoCommit(false);
    try (PreparedStatement p = connection.prepareStatement("select g, 'row ' || g from generate_series(1, ?) g")) {
      p.setFetchSize(70);
      for (int total : new int[] {1000, 70, 140, 0}) {
        p.setInt(1, total);
        long sum = 0;
        try (ResultSet found = p.executeQuery()) {
          while (found.next()) sum += found.getLong(1) + found.getString(2).length();
        }
        Shared.say("cursor", sum);
      }
      p.setInt(1, 1000);
      try (ResultSet found = p.executeQuery()) {
        found.next();
        Shared.say("left early", found.getLong(1));
      }
      p.setMaxRows(25);
      Shared.say("max rows", Shared.rows(p.executeQuery()).length());
    }
    connection.commit();
    connection.setAutoCommit(true);
  }

  static void copies(Connection connection) throws Exception {
    CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
    try (Statement s = connection.createStatement()) {
      s.execute("create table jdbc_t (id int primary key, name text)");
      StringBuilder lines = new StringBuilder();
      for (int i = 0; i < 20000; i++) lines.append(i).append("\tname ").append(i).append('\n');
      Shared.say("copy in", copy.copyIn("copy jdbc_t from stdin", new StringReader(lines.toString())));
      Shared.fails("bad copy", () -> copy.copyIn("copy jdbc_t from stdin", new StringReader("no number\tx\n")));
      var given = copy.copyIn("copy jdbc_t from stdin");
      given.writeToCopy("70000\tgiven up\n".getBytes(), 0, 15);
      given.cancelCopy();
      for (String format : new String[] {"text", "csv", "binary"}) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        long count = copy.copyOut("copy (select * from jdbc_t order by id) to stdout (format " + format + ")", out);
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(out.toByteArray());
        Shared.say("copy out", count + " " + out.size() + " " + HexFormat.of().formatHex(hash));
      }
      Shared.say("count", Shared.query(s, "select count(*), sum(id) from jdbc_t"));
      s.execute("drop table jdbc_t");
    }
  }

  static void large(Connection connection) throws Exception {
    try (Statement s = connection.createStatement();
        ResultSet found = s.executeQuery("select repeat('large ', 200000) || g from generate_series(1, 20) g")) {
      MessageDigest hash = MessageDigest.getInstance("SHA-256");
      while (found.next()) hash.update(found.getBytes(1));
      Shared.say("large rows", HexFormat.of().formatHex(hash.digest()));
    }
    try (PreparedStatement p = connection.prepareStatement("select length(?), md5(?)")) {
      p.setString(1, "p".repeat(3_000_000));
      p.setBytes(2, new byte[2_000_000]);
      Shared.say("large parameters", Shared.rows(p.executeQuery()));
    }
  }

  private Common() {}
}
