import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Map;

/** What a database browser such as DBeaver does: metadata, paging without autocommit, cancel, read only. */
public final class Browser {
  public static void main(String[] args) throws Exception {
    Map<String, String> settings = Map.of("ApplicationName", "a browser - Main");
    try (Connection main = Shared.connect(settings);
        Connection metadata = Shared.connect(Map.of("ApplicationName", "a browser - Metadata"))) {
      prepare(main);
      describe(metadata);
      page(main);
      readOnly(main);
      Shared.cancelled(main, "cancel");
      main.rollback();
      main.setAutoCommit(true);
      Shared.cancelled(main, "cancel with autocommit");
      try (Statement s = main.createStatement()) {
        s.execute("drop schema browse cascade");
        Shared.say("done", Shared.query(s, "select 42"));
      }
    }
  }

  static void prepare(Connection connection) throws Exception {
    try (Statement s = connection.createStatement()) {
      s.execute("drop schema if exists browse cascade");
      s.execute("create schema browse");
      s.execute("create type browse.mood as enum ('sad', 'ok')");
      s.execute("create table browse.customer (id serial primary key, name varchar(40) not null unique,"
          + " mood browse.mood, balance numeric(10, 2) default 0)");
      s.execute("create table browse.invoice (id int primary key, customer int references browse.customer,"
          + " lines jsonb, at timestamptz default now())");
      s.execute("create index by_customer on browse.invoice (customer, at desc)");
      s.execute("create view browse.sums as select customer, count(*) from browse.invoice group by 1");
      s.execute("comment on table browse.invoice is 'Rechnungen'");
      s.execute("create function browse.twice(n int) returns int language sql as 'select 2 * n'");
      s.execute("insert into browse.customer (name) select 'customer ' || g from generate_series(1, 1000) g");
    }
  }

  static void describe(Connection connection) throws Exception {
    DatabaseMetaData about = connection.getMetaData();
    Shared.say("product", about.getDatabaseProductName() + " " + about.getDatabaseProductVersion());
    Shared.say("keywords", about.getSQLKeywords().length());
    Shared.say("limits", about.getMaxColumnNameLength() + " " + about.getDefaultTransactionIsolation());
    Shared.say("catalogs", Shared.rows(about.getCatalogs()));
    Shared.say("schemas", Shared.rows(about.getSchemas()));
    Shared.say("table types", Shared.rows(about.getTableTypes()));
    Shared.say("types", Shared.rows(about.getTypeInfo()));
    Shared.say("tables", Shared.rows(about.getTables(null, "browse", "%", null)));
    Shared.say("only tables", Shared.rows(about.getTables(null, "browse", "%", new String[] {"TABLE", "VIEW"})));
    Shared.say("columns", Shared.rows(about.getColumns(null, "browse", "%", "%")));
    Shared.say("system columns", Shared.rows(about.getColumns(null, "pg_catalog", "pg_class", "%")).length());
    for (String table : new String[] {"customer", "invoice"}) {
      Shared.say("primary keys", Shared.rows(about.getPrimaryKeys(null, "browse", table)));
      Shared.say("imported keys", Shared.rows(about.getImportedKeys(null, "browse", table)));
      Shared.say("exported keys", Shared.rows(about.getExportedKeys(null, "browse", table)));
      Shared.say("indexes", Shared.rows(about.getIndexInfo(null, "browse", table, false, false)));
      Shared.say("privileges", Shared.rows(about.getTablePrivileges(null, "browse", table)));
      Shared.say("best row", Shared.rows(about.getBestRowIdentifier(null, "browse", table, 1, true)));
    }
    Shared.say("functions", Shared.rows(about.getFunctions(null, "browse", "%")).replaceAll("_\\d+", "_N"));
    Shared.say("procedures", Shared.rows(about.getProcedures(null, "browse", "%")).replaceAll("_\\d+", "_N"));
    Shared.say("user types", Shared.rows(about.getUDTs(null, "browse", "%", null)));
  }

  static void page(Connection connection) throws Exception {
    connection.setAutoCommit(false);
    try (Statement s = connection.createStatement(ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY)) {
      s.setFetchSize(200);
      s.setMaxRows(0);
      try (ResultSet found = s.executeQuery("select * from browse.customer order by id")) {
        int seen = 0;
        while (seen < 450 && found.next()) seen++;
        Shared.say("paged", seen + " " + found.getString("name"));
      }
      Shared.say("in transaction", Shared.query(s, "select count(*) from browse.sums"));
    }
    connection.commit();
    try (Statement s = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE);
        ResultSet found = s.executeQuery("select id, name, balance from browse.customer where id <= 3 order by id")) {
      found.last();
      found.updateString("name", "edited in the grid");
      found.updateRow();
      found.absolute(1);
      found.deleteRow();
      Shared.say("edited", found.getRow());
    }
    connection.commit();
  }

  static void readOnly(Connection connection) throws Exception {
    for (boolean only : new boolean[] {true, false, true, false}) {
      connection.setReadOnly(only);
      try (Statement s = connection.createStatement()) {
        Shared.fails("write, read only " + only, () -> s.executeUpdate("update browse.customer set balance = 1 where id = 2"));
      }
      connection.rollback();
    }
    connection.setSchema("browse");
    try (Statement s = connection.createStatement()) {
      Shared.say("schema", Shared.query(s, "select id, name from customer where id < 5 order by id"));
      Shared.say("path", Shared.query(s, "show search_path"));
    }
    connection.commit();
  }

  private Browser() {}
}
