//! What each driver's documentation shows, what administrators write, and what nobody should.

use proptest::prelude::*;

use super::*;

/// `engine|host:port,…|database|schema` of a URL.
fn brief(text: &str) -> String {
    let url = parse_jdbc_url(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let servers: Vec<String> = url
        .servers
        .iter()
        .map(|server| server.port.map_or(server.host.clone(), |port| format!("{} {port}", server.host)))
        .collect();
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    format!("{:?}|{}|{}|{}", url.engine, servers.join(","), or_none(url.database), or_none(url.schema))
}

#[test]
fn each_form_says_where_the_database_is() {
    let rows = [
        ("jdbc:postgresql://db:5433/wiki", "Postgresql|db 5433|wiki|-"),
        ("jdbc:postgresql://db/wiki", "Postgresql|db|wiki|-"),
        ("  jdbc:postgresql://db/wiki\n", "Postgresql|db|wiki|-"),
        ("jdbc:postgresql:wiki", "Postgresql|localhost|wiki|-"),
        ("jdbc:postgresql:/", "Postgresql|localhost|-|-"),
        ("jdbc:postgresql:///wiki", "Postgresql|localhost|wiki|-"),
        ("jdbc:postgresql://db:5432/", "Postgresql|db 5432|-|-"),
        ("jdbc:postgresql://[::1]:5432/wiki", "Postgresql|::1 5432|wiki|-"),
        ("jdbc:postgresql://[fe80::1]/wiki", "Postgresql|fe80::1|wiki|-"),
        ("jdbc:postgresql://a:1,b,[::1]:3/wiki", "Postgresql|a 1,b,::1 3|wiki|-"),
        ("jdbc:postgresql://db/wi%2Fki%20x", "Postgresql|db|wi/ki x|-"),
        ("jdbc:postgresql://db/wiki?currentSchema=conf", "Postgresql|db|wiki|conf"),
        ("jdbc:postgresql://db/wiki?CURRENTSCHEMA=%22conf%22,public", "Postgresql|db|wiki|conf"),
        ("jdbc:postgresql://db/wiki?a=b&amp;currentSchema=conf", "Postgresql|db|wiki|conf"),
        ("jdbc:postgresql://bob:S3CRET@db/wiki", "Postgresql|db|wiki|-"),
        ("jdbc:mysql://db:3306/wiki?useUnicode=true", "Mysql|db 3306|wiki|-"),
        ("jdbc:mysql:///wiki", "Mysql|localhost|wiki|-"),
        ("jdbc:mysql://db1,db2:3307/wiki", "Mysql|db1,db2 3307|wiki|-"),
        ("jdbc:mysql://:3307/wiki", "Mysql|localhost 3307|wiki|-"),
        ("jdbc:mysql:loadbalance://a,b/wiki", "Mysql|a,b|wiki|-"),
        ("jdbc:mysql://address=(host=h)(port=3307)(password=S3CRET)/wiki", "Mysql|h 3307|wiki|-"),
        ("jdbc:mysql://(host=h,port=1),(host=::1)/wiki", "Mysql|h 1,::1|wiki|-"),
        ("jdbc:mariadb://db:3306/wiki", "Mariadb|db 3306|wiki|-"),
        ("jdbc:mariadb:sequential://a,b/wiki", "Mariadb|a,b|wiki|-"),
        ("jdbc:sqlserver://db:1433;databaseName=wiki;encrypt=true", "SqlServer|db 1433|wiki|-"),
        ("jdbc:sqlserver://db\\PROD:1433;database=wiki", "SqlServer|db 1433|wiki|-"),
        (
            "jdbc:sqlserver://;serverName=::1;portNumber=1433;databaseName={wi;ki}",
            "SqlServer|::1 1433|wi;ki|-",
        ),
        ("jdbc:sqlserver://db", "SqlServer|db|-|-"),
        ("jdbc:jtds:sqlserver://db:1433/wiki;instance=X", "SqlServer|db 1433|wiki|-"),
        ("jdbc:oracle:thin:@//db:1521/wiki", "Oracle|db 1521|wiki|-"),
        ("jdbc:oracle:thin:@db:1521/wiki", "Oracle|db 1521|wiki|-"),
        ("jdbc:oracle:thin:@tcps://db:1522/wiki?wallet_location=/w", "Oracle|db 1522|wiki|-"),
        ("jdbc:oracle:thin:@db:1521:ORCL", "Oracle|db 1521|ORCL|-"),
        ("jdbc:oracle:thin:@[::1]:1521:ORCL", "Oracle|::1 1521|ORCL|-"),
        ("jdbc:oracle:thin:scott/S3CRET@db:1521:ORCL", "Oracle|db 1521|ORCL|-"),
        ("jdbc:oracle:thin:@wiki_alias", "Oracle||wiki_alias|-"),
        ("jdbc:oracle:thin:@ldap://dir:389/cn=x", "Oracle||-|-"),
        (
            "jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS_LIST=(ADDRESS=(PROTOCOL=TCP)(HOST=a)(PORT=1521))\
             (ADDRESS=(PROTOCOL=TCP)(PORT=1522)(HOST=b)))(CONNECT_DATA=(SERVICE_NAME=wiki)))",
            "Oracle|a 1521,b 1522|wiki|-",
        ),
        (
            "jdbc:oracle:thin:@(description= (address=(protocol=tcp)(host= a )(port=1))(connect_data=(sid=X)))",
            "Oracle|a 1|X|-",
        ),
        ("jdbc:h2:tcp://localhost:9092//home/database/h2db", "H2|localhost 9092|/home/database/h2db|-"),
        ("jdbc:h2:file:/home/h2db;MVCC=TRUE", "H2||/home/h2db|-"),
        ("jdbc:h2:~/wiki", "H2||~/wiki|-"),
        ("jdbc:h2:mem:wiki", "H2||wiki|-"),
        ("jdbc:hsqldb:/home/database/confluencedb;hsqldb.tx=MVCC", "Hsqldb||/home/database/confluencedb|-"),
        ("jdbc:hsqldb:hsql://db:9001/wiki", "Hsqldb|db 9001|wiki|-"),
    ];
    for (text, expected) in rows {
        assert_eq!(brief(text), expected, "{text}");
    }
}

#[test]
fn parameters_are_decoded_and_have_lower_case_names() {
    let rows = [
        (
            "jdbc:mysql://db/wiki?sessionVariables=transaction_isolation='READ-COMMITTED'&useUnicode=true",
            "sessionvariables",
            "transaction_isolation='READ-COMMITTED'",
        ),
        (
            "jdbc:mysql://db/wiki?sessionVariables=storage_engine%3DInnoDB",
            "sessionvariables",
            "storage_engine=InnoDB",
        ),
        ("jdbc:mysql://db/wiki?a=1+1", "a", "1+1"),
        ("jdbc:postgresql://db/wiki?options=-c+search_path%3Dx", "options", "-c search_path=x"),
        ("jdbc:postgresql://db/wiki?a=%0a%1b", "a", "\u{fffd}\u{fffd}"),
        ("jdbc:postgresql://db/wiki?ssl", "ssl", ""),
        ("jdbc:postgresql://db/wiki?a=1&a=2", "a", "1"),
        ("jdbc:sqlserver://db\\PROD;encrypt=true", "instancename", "PROD"),
        ("jdbc:sqlserver://db; Encrypt = {a}}b} ;x", "encrypt", "a}b"),
    ];
    for (text, name, value) in rows {
        let url = parse_jdbc_url(text).unwrap();
        assert_eq!(url.parameters.get(name).map(String::as_str), Some(value), "{text}");
    }
}

#[test]
fn what_a_driver_misreads_is_a_defect() {
    let rows = [
        ("jdbc:mysql://db/wiki?a=b&amp;c=d", Some("escaped twice")),
        ("jdbc:mysql://db/wiki?a=b&amp;amp;c=d", Some("escaped twice")),
        ("jdbc:mysql://db/wiki?a=%zz", Some("hexadecimal")),
        ("jdbc:postgresql://db/100%", Some("hexadecimal")),
        ("jdbc:postgresql://db/wiki;a=b", Some("wants them behind")),
        ("jdbc:sqlserver://db/wiki", Some("databaseName")),
        ("jdbc:mysql://db/wiki?a=b&c=d", None),
    ];
    for (text, defect) in rows {
        let found = parse_jdbc_url(text).unwrap().defect;
        match defect {
            Some(part) => assert!(found.as_deref().unwrap_or_default().contains(part), "{text}: {found:?}"),
            None => assert_eq!(found, None, "{text}"),
        }
    }
    let url = parse_jdbc_url("jdbc:mysql://db/wiki?a=b&amp;c=d").unwrap();
    assert_eq!(url.parameters["c"], "d", "what can be understood is understood");
}

#[test]
fn only_jtds_is_the_old_driver() {
    assert!(parse_jdbc_url("jdbc:jtds:sqlserver://db/wiki").unwrap().old_driver);
    assert!(!parse_jdbc_url("jdbc:sqlserver://db;databaseName=wiki").unwrap().old_driver);
}

#[test]
fn hostile_texts_are_refused_without_being_quoted() {
    use JdbcUrlError::{
        BadHost, BadPort, ControlCharacter, Empty, NotJdbc, TooLong, UnclosedBracket, UnknownEngine,
        WrongForm,
    };
    let unknown = |engine: &str| UnknownEngine { engine: engine.to_owned() };
    let form = |expected| WrongForm { expected };
    let rows = [
        ("", Empty),
        (" \n\t ", Empty),
        ("jdbc", NotJdbc),
        ("postgresql://db/wiki", NotJdbc),
        ("S3CRET", NotJdbc),
        ("<html>login</html>", NotJdbc),
        ("${jdbc.url}", NotJdbc),
        ("jdbc:", unknown("")),
        ("jdbc:jdbc:postgresql://db/wiki", unknown("jdbc")),
        ("jdbc:p6spy:postgresql://db/wiki", unknown("p6spy")),
        ("jdbc:jtds:sybase://db/wiki", unknown("jtds")),
        ("jdbc:S3CRET", unknown("")),
        ("jdbc:bob S3CRET:x", unknown("")),
        ("jdbc:mysql:wiki", form("//host:port/database")),
        ("jdbc:sqlserver:db", form("//host:port;databaseName=…")),
        ("jdbc:sqlserver://;databaseName=wiki", BadHost),
        ("jdbc:oracle:thin:db", form("@//host:port/service")),
        ("jdbc:oracle:thin:@", form("@//host:port/service")),
        ("jdbc:h2:tcp:localhost", form("//host:port/path")),
        ("jdbc:postgresql://db:99999/wiki", BadPort),
        ("jdbc:postgresql://db:0/wiki", BadPort),
        ("jdbc:postgresql://db:-1/wiki", BadPort),
        ("jdbc:postgresql://db:+5/wiki", BadPort),
        ("jdbc:postgresql://db:/wiki", BadPort),
        ("jdbc:postgresql://bob:S3CRET/wiki", BadPort),
        ("jdbc:postgresql://db:٥٤/wiki", BadPort),
        ("jdbc:postgresql://[::1/wiki", UnclosedBracket),
        ("jdbc:mysql://(host=h/wiki", UnclosedBracket),
        ("jdbc:mysql://(port=1)/wiki", BadHost),
        ("jdbc:postgresql://::1/wiki", BadHost),
        ("jdbc:postgresql://[::1]x/wiki", BadHost),
        ("jdbc:postgresql://a,,b/wiki", BadHost),
        ("jdbc:postgresql://a b/wiki", BadHost),
        ("jdbc:postgresql://db/wi\u{0}ki", ControlCharacter),
        ("jdbc:postgresql://db/wi\nki", ControlCharacter),
        ("jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=(HOST=a)", UnclosedBracket),
        ("jdbc:oracle:thin:@(DESCRIPTION=())", BadHost),
        ("jdbc:oracle:thin:@a:1:b:c", BadHost),
    ];
    for (text, expected) in rows {
        let error = parse_jdbc_url(text).unwrap_err();
        assert_eq!(error, expected, "{text:?}");
        let told = format!("{error} {error:?}");
        assert!(!told.to_lowercase().contains("s3cret") && !told.contains("bob"), "{told}");
    }
    let long = format!("jdbc:postgresql://db/{}", "x".repeat(10_000_000));
    assert_eq!(parse_jdbc_url(&long), Err(TooLong { bytes: long.len() }));
}

#[test]
fn nothing_that_comes_out_holds_a_secret() {
    let urls = [
        "jdbc:postgresql://bob:S3CRET@db/wiki?user=bob&password=S3CRET&sslpassword=S3CRET",
        "jdbc:mysql://db/wiki?password=S3&CRET&amp;password=S3CRET",
        "jdbc:mysql://address=(host=db)(user=bob)(password=S3CRET)/wiki",
        "jdbc:sqlserver://db;user=bob;password={S3;CRET};databaseName=wiki;keyStoreSecret=S3CRET",
        "jdbc:oracle:thin:bob/S3CRET@//db:1521/wiki",
        "jdbc:h2:mem:wiki;USER=bob;PASSWORD=S3CRET",
    ];
    for text in urls {
        let url = parse_jdbc_url(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let told = format!("{url:?} {}", url.redacted());
        for secret in ["S3", "CRET", "bob"] {
            assert!(!told.contains(secret), "{text}: {told}");
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_survived(text in any::<String>()) {
        for scheme in ["", "jdbc:", "jdbc:postgresql://", "jdbc:mysql://", "jdbc:sqlserver://", "jdbc:oracle:thin:@",
            "jdbc:oracle:thin:@(", "jdbc:h2:tcp://", "jdbc:jtds:sqlserver://"] {
            let _read = parse_jdbc_url(&format!("{scheme}{text}"));
        }
    }

    #[test]
    fn any_address_is_survived(text in "[a-z0-9:/?;&=%@(){}\\[\\],\\\\*.é]{0,60}") {
        for scheme in ["postgresql:", "mysql:", "mariadb:", "sqlserver:", "oracle:thin:", "h2:", "hsqldb:hsql:"] {
            let _read = parse_jdbc_url(&format!("jdbc:{scheme}{text}"));
        }
    }

    #[test]
    fn what_is_written_is_read(host in "[a-z][a-z0-9.-]{0,20}", port in 1_u16.., name in "[a-z_]{1,20}") {
        let url = parse_jdbc_url(&format!("jdbc:postgresql://{host}:{port}/{name}")).unwrap();
        prop_assert_eq!(url.servers, [Server { host, port: Some(port) }]);
        prop_assert_eq!(url.database, Some(name));
    }
}
