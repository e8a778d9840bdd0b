import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HexFormat;
import java.util.Map;
import java.util.Properties;

/** What both programs need: a connection by libpq's variables, and one line for each step. */
final class Shared {
  interface Work {
    void run() throws Exception;
  }

  static Connection connect(Map<String, String> more) throws SQLException {
    Map<String, String> env = System.getenv();
    Properties settings = new Properties();
    settings.put("user", env.get("PGUSER"));
    settings.put("sslmode", "verify-full");
    settings.put("sslrootcert", env.get("PGSSLROOTCERT"));
    settings.put("sslcert", env.get("PGSSLCERT"));
    // pgjdbc reads keys as PKCS #8 in DER.
    settings.put("sslkey", env.get("PGSSLKEY_DER"));
    settings.put("loginTimeout", "20");
    settings.putAll(more);
    String url = "jdbc:postgresql://" + env.get("PGHOST") + ":" + env.get("PGPORT") + "/" + env.get("PGDATABASE");
    return DriverManager.getConnection(url, settings);
  }

  static void say(String step, Object value) {
    System.out.println(step + ": " + String.valueOf(value).replace("\n", "\\n"));
  }

  static void fails(String step, Work work) throws Exception {
    try {
      work.run();
      say(step, "none");
    } catch (SQLException error) {
      say(step, error.getSQLState() + " " + error.getMessage());
    }
  }

  /** All rows, each cell as the driver's text, with the columns' types. */
  static String rows(ResultSet found) throws SQLException {
    ResultSetMetaData about = found.getMetaData();
    StringBuilder out = new StringBuilder();
    for (int i = 1; i <= about.getColumnCount(); i++) {
      out.append(about.getColumnLabel(i)).append(' ').append(about.getColumnTypeName(i)).append(',');
    }
    while (found.next()) {
      out.append(" |");
      for (int i = 1; i <= about.getColumnCount(); i++) out.append(' ').append(cell(found, i)).append(',');
    }
    found.close();
    return out.toString();
  }

  private static String cell(ResultSet found, int column) throws SQLException {
    if (!found.getMetaData().getColumnTypeName(column).equals("bytea")) return found.getString(column);
    // As text, binary transfer shows the array's address.
    byte[] bytes = found.getBytes(column);
    return bytes == null ? null : HexFormat.of().formatHex(bytes);
  }

  static String query(Statement statement, String sql) throws SQLException {
    return rows(statement.executeQuery(sql));
  }

  /** Runs `pg_sleep` and cancels it from another thread, which opens a second connection. */
  static void cancelled(Connection connection, String step) throws Exception {
    try (Statement sleeping = connection.createStatement()) {
      Thread canceller = new Thread(() -> {
        try {
          Thread.sleep(400);
          sleeping.cancel();
        } catch (Exception error) {
          System.err.println(error);
        }
      });
      canceller.start();
      fails(step, () -> sleeping.executeQuery("select pg_sleep(30)"));
      canceller.join();
    }
  }

  private Shared() {}
}
