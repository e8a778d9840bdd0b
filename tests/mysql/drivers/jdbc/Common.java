import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.sql.*;
import java.util.*;

/** What both JDBC drivers run: prepared statements of the server, batches, cursors, procedures. */
public class Common {
  public static void main(String[] args) throws Exception {
    Properties more = new Properties();
    for (int i = 2; i < args.length; i++) {
      String[] pair = args[i].split("=", 2);
      more.put(pair[0], pair[1]);
    }
    try (Connection db = DriverManager.getConnection(args[0], more)) {
      run(db, args[1]);
    }
    System.out.println("done");
  }

  static void run(Connection db, String lines) throws Exception {
    exec(db, "set session sql_mode = ''");
    exec(db, "drop table if exists jd_types, jd_lines");
    exec(db, "create table jd_types (id int primary key, t tinyint, bu bigint unsigned,"
        + " d decimal(30,10), dd double, v varchar(200), bl longblob, dt date, dtm datetime(6),"
        + " tm time, y year, e enum('a','b'), st set('x','y','z'), bt bit(12), j json)");
    String insert = "insert into jd_types values (?" + ", ?".repeat(14) + ")";
    try (PreparedStatement p = db.prepareStatement(insert)) {
      Object[] row = {1, -128, new BigDecimal("18446744073709551615"),
          new BigDecimal("-1234567890.0123456789"), 1e300, "é ☃ '\"\\", new byte[] {0, -1, 16},
          java.sql.Date.valueOf("2024-02-29"), "2024-02-29 23:59:59.999999", "23:59:59", 2024, "b",
          "x,z", new byte[] {10, (byte) 170}, "{\"a\": [1, null]}"};
      for (int i = 0; i < row.length; i++) p.setObject(i + 1, row[i]);
      System.out.println("insert " + p.executeUpdate());
      p.setInt(1, 2);
      for (int i = 2; i <= 15; i++) p.setObject(i, null);
      System.out.println("insert " + p.executeUpdate());
    }
    byte[] blob = new byte[Integer.parseInt(System.getenv("MYSQL_BLOB_MIB")) << 20];
    Arrays.fill(blob, (byte) 'Z');
    try (PreparedStatement p = db.prepareStatement("insert into jd_types (id, bl) values (?, ?)")) {
      p.setInt(1, 3);
      p.setBytes(2, blob);
      p.executeUpdate();
    }
    try (Statement s = db.createStatement()) {
      show("text", s.executeQuery("select * from jd_types order by id"));
    }
    try (PreparedStatement p = db.prepareStatement("select * from jd_types where id > ? order by id")) {
      for (int from = 0; from < 2; from++) {
        p.setInt(1, from);
        show("prepared", p.executeQuery());
      }
    }
    String[] wrong = {"select * from no_such_table", "selec 1",
        "insert into jd_types (id) values (1)"};
    for (String text : wrong) {
      try (PreparedStatement p = db.prepareStatement(text)) {
        p.execute();
      } catch (SQLException e) {
        String said = e.getMessage().replaceAll("\\(conn=\\d+\\) ", "");
        System.out.println("error " + e.getErrorCode() + " " + e.getSQLState() + " " + said);
      }
    }
    db.setAutoCommit(false);
    exec(db, "delete from jd_types");
    db.rollback();
    db.setAutoCommit(true);
    try (PreparedStatement p = db.prepareStatement("insert into jd_types (id, v) values (?, ?)")) {
      for (int i = 10; i < 310; i++) {
        p.setInt(1, i);
        p.setString(2, "row " + i);
        p.addBatch();
      }
      System.out.println("batch " + p.executeBatch().length);
    }
    try (PreparedStatement p = db.prepareStatement("select id from jd_types order by id")) {
      p.setFetchSize(50);
      ResultSet rows = p.executeQuery();
      long sum = 0;
      while (rows.next()) sum += rows.getInt(1);
      System.out.println("cursor " + sum);
    }
    exec(db, "drop procedure if exists jd_proc");
    exec(db, "create procedure jd_proc(in n int, out m int) begin select n; select n + 1; set m = n * 2; end");
    try (CallableStatement call = db.prepareCall("{call jd_proc(?, ?)}")) {
      call.setInt(1, 5);
      call.registerOutParameter(2, Types.INTEGER);
      for (boolean is = call.execute(); is; is = call.getMoreResults()) show("call", call.getResultSet());
      System.out.println("out " + call.getInt(2));
    }
    exec(db, "create table jd_lines (id int, words varchar(50))");
    try (Statement s = db.createStatement()) {
      System.out.println("loaded " + s.executeUpdate("load data local infile '" + lines
          + "' into table jd_lines fields terminated by ','"));
      show("lines", s.executeQuery("select * from jd_lines order by id"));
    }
    db.setCatalog("information_schema");
    try (Statement s = db.createStatement()) {
      show("schema", s.executeQuery("select database()"));
    }
    db.setCatalog("shop");
    System.out.println("valid " + db.isValid(5));
    exec(db, "drop table jd_types, jd_lines");
    exec(db, "drop procedure jd_proc");
  }

  static void exec(Connection db, String text) throws SQLException {
    try (Statement s = db.createStatement()) {
      s.execute(text);
    }
  }

  static void show(String name, ResultSet rows) throws Exception {
    int count = rows.getMetaData().getColumnCount();
    while (rows.next()) {
      StringBuilder line = new StringBuilder(name);
      for (int i = 1; i <= count; i++) {
        boolean isBlob = rows.getMetaData().getColumnTypeName(i).contains("BLOB");
        byte[] bytes = isBlob ? rows.getBytes(i) : null;
        String value = bytes == null ? rows.getString(i) : bytes.length > 1000
            ? HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(bytes))
            : HexFormat.of().formatHex(bytes);
        line.append(" | ").append(value);
      }
      System.out.println(line);
    }
    rows.close();
  }
}
