import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Map;

/** pgjdbc: statements of the sizes that are given, in MiB; of the first one in every query mode. */
public final class LongStatements {
  public static void main(String[] args) throws Exception {
    for (String mode : new String[] {"extended", "simple", "extendedForPrepared"}) {
      Map<String, String> settings = Map.of("preferQueryMode", mode, "prepareThreshold", "2");
      try (Connection connection = Shared.connect(settings)) {
        try (Statement s = connection.createStatement()) {
          s.execute("create temp table long_jdbc (n int, t text)");
        }
        statements(connection, mode, Integer.parseInt(args[0]));
        if (!mode.equals("extended")) continue;
        for (int i = 1; i < args.length; i++) prepared(connection, mode, filler(Integer.parseInt(args[i])));
      }
    }
  }

  private static void statements(Connection connection, String mode, int mib) throws Exception {
    String text = filler(mib);
    try (Statement s = connection.createStatement()) {
      Shared.say(mode + " plain", Shared.query(s, "select length('" + text + "')"));
      boolean more = s.execute("insert into long_jdbc values (" + mib + ", '" + text + "'); select 1; select 'last'");
      while (more || s.getUpdateCount() >= 0) {
        Shared.say(mode + " several", more ? Shared.rows(s.getResultSet()) : s.getUpdateCount());
        more = s.getMoreResults();
      }
      Shared.say(mode + " inserted", Shared.query(s, "select md5(t) from long_jdbc where n = " + mib));
      Shared.fails(mode + " division", () -> Shared.query(s, "select 1/0, '" + text + "'"));
    }
    prepared(connection, mode, text);
  }

  private static void prepared(Connection connection, String mode, String text) throws Exception {
    try (PreparedStatement s = connection.prepareStatement("select ?::int + length('" + text + "')")) {
      for (int at = 0; at < 4; at++) {
        s.setInt(1, at);
        ResultSet found = s.executeQuery();
        found.next();
        Shared.say(mode + " prepared", found.getInt(1));
      }
    }
  }

  private static String filler(int mib) {
    StringBuilder out = new StringBuilder();
    for (int at = 0; out.length() < mib * 1048576; at++) {
      out.append(String.format("%07d it''s Grüße 世界 -- $a$ /* \"x\" ", at));
    }
    return out.toString();
  }
}
