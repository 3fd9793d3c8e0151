use std::io::{BufReader, Cursor, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::*;

const PG: &str = "--\n-- PostgreSQL database dump\n--\n\n\\restrict k3y\n\n\
    -- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)\n-- Dumped by pg_dump version 15.18\n\n\
    SET standard_conforming_strings = on;\nSELECT pg_catalog.set_config('search_path', '', false);\n\n\
    CREATE TABLE public.content (\n    id integer DEFAULT 'it''s; \\! no' /* DROP DATABASE a; */\n);\n\
    CREATE UNLOGGED TABLE \"Odd \"\"Schema\".\"AO_1_X\" (a text);\n\
    CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql AS $_$ BEGIN DROP DATABASE x; END; \\! $1 $_$;\n\
    COPY public.content (id) FROM stdin;\n1\tDROP DATABASE production;\\n\n\\\\! rm\n\\N\n\\\\.\n\\.\n\n\
    SELECT pg_catalog.setval('public.s', 12, true);\nALTER TABLE public.content OWNER TO conf;\n\
    --\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict k3y\n\n";

const MARIA: &str = "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB, for x\n--\n\
    -- Host: localhost    Database: wiki\n-- ------------------------------------------------------\n\
    -- Server version\t10.11.19-MariaDB-0+deb12u1\n\n/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n\
    DROP TABLE IF EXISTS `CONTENT`;\n/*!40101 SET character_set_client = utf8 */;\n\
    CREATE TABLE `CONTENT` (\n  `a` int DEFAULT 1.5,\n  `b` text COMMENT 'x;\\'\\\\'\n);\n\
    LOCK TABLES `CONTENT` WRITE;\nINSERT INTO `CONTENT` VALUES (1,'USE production;\\nDROP DATABASE x; \\\\! id'),(2,\"\\\"\");\n\
    UNLOCK TABLES;\nDELIMITER ;;\nCREATE TRIGGER t BEFORE INSERT ON CONTENT FOR EACH ROW BEGIN USE x; END ;;\n\
    DELIMITER ;\n-- Dump completed on 2026-11-20 22:00:00\n";

fn look(bytes: &[u8]) -> Result<DumpFacts, DumpDefect> {
    // Small pieces: nothing may depend on where one ends.
    let mut reader = BufReader::with_capacity(3, Cursor::new(bytes));
    let small = inspect(&mut reader, &Stop::default());
    let whole = inspect(&mut Cursor::new(bytes), &Stop::default());
    assert_eq!(format!("{small:?}"), format!("{whole:?}"));
    whole
}

#[test]
fn a_whole_dump_says_what_it_holds_and_its_data_say_nothing() {
    let facts = look(PG.as_bytes()).unwrap();
    assert_eq!((facts.form, facts.tables.join(" ").as_str()), ("postgresql-plain", "content AO_1_X"));
    assert_eq!(facts.server_version.as_deref(), Some("15.18 (Debian 15.18-0+deb12u1)"));
    assert_eq!(facts.written_by.as_deref(), Some("15.18"));
    assert_eq!(facts.unpacked_bytes, PG.len() as u64);
    assert!(facts.leaves_database.is_empty() && facts.runs_commands.is_empty(), "{facts:?}");

    let facts = look(MARIA.as_bytes()).unwrap();
    assert_eq!((facts.form, facts.tables.join(" ").as_str()), ("mariadb-plain", "CONTENT"));
    assert_eq!(
        (facts.database.as_deref(), facts.written_by.as_deref()),
        (Some("wiki"), Some("10.11.19-MariaDB"))
    );
    assert_eq!(facts.server_version.as_deref(), Some("10.11.19-MariaDB-0+deb12u1"));
    assert!(facts.leaves_database.is_empty() && facts.runs_commands.is_empty(), "{facts:?}");
    let mysql = MARIA
        .replace("/*M!999999\\- enable the sandbox mode */ \n", "")
        .replace("MariaDB dump", "MySQL dump");
    assert_eq!(look(mysql.as_bytes()).unwrap().form, "mysql-plain");
}

#[test]
fn a_dump_that_was_cut_anywhere_is_not_whole() {
    for (text, end) in [(PG, "dump complete"), (MARIA, "Dump completed")] {
        let end = text.find(end).unwrap();
        for cut in 0..end {
            let outcome = look(&text.as_bytes()[..cut]);
            assert!(outcome.is_err(), "{cut}: {outcome:?}");
        }
    }
    assert!(matches!(look(b""), Err(DumpDefect::Empty)));
    assert!(matches!(look(b"<html>"), Err(DumpDefect::NotADump)));
    assert!(matches!(look(&[0xff; 5000]), Err(DumpDefect::NotADump)));
    let more = format!("{PG}\nCREATE TABLE x (a int);\n");
    assert!(matches!(look(more.as_bytes()), Err(DumpDefect::CutOff(_))), "something behind the end");
    let empty = "-- PostgreSQL database dump\n-- PostgreSQL database dump complete\n";
    assert!(matches!(look(empty.as_bytes()), Err(DumpDefect::NoTables)));
    let schema =
        "-- PostgreSQL database dump\nCREATE TABLE a (b int);\n-- PostgreSQL database dump complete\n";
    assert!(matches!(look(schema.as_bytes()), Err(DumpDefect::NoData(1))));
}

#[test]
fn what_leaves_the_database_or_runs_something_is_seen_wherever_it_hides() {
    let leaves: &[(&str, &str, &str)] = &[
        (PG, "\\connect production\n", "\\connect production"),
        (PG, "\\c production admin\n", "\\c production admin"),
        (PG, "DROP  /* x */\nDATABASE production;\n", "DROP DATABASE production"),
        (PG, "create database x;", "create database x"),
        (PG, "ALTER DATABASE production SET a = 'b';", "ALTER DATABASE production SET a ="),
        (PG, "CREATE ROLE evil WITH PASSWORD 'secret';", "CREATE ROLE evil WITH"),
        (PG, "ALTER SYSTEM SET archive_command = 'rm';", "ALTER SYSTEM SET archive_command ="),
        (MARIA, "USE production;\n", "USE production"),
        (MARIA, "use `production`\n", "use `production`"),
        (MARIA, "/*!40000 DROP DATABASE IF EXISTS `production`*/;\n", "DROP DATABASE IF EXISTS `production`"),
        (MARIA, "CREATE SCHEMA x;\n", "CREATE SCHEMA x"),
        (MARIA, "DROP TABLE a, `production`.`content`;\n", "DROP TABLE a, `production`.`content`"),
        (MARIA, "INSERT INTO production.content VALUES (1);\n", "INSERT INTO production.content VALUES"),
        (MARIA, "SET @@GLOBAL.GTID_PURGED='x';\n", "SET @@GLOBAL.GTID_PURGED="),
        (MARIA, "GRANT ALL ON *.* TO x;\n", "GRANT ALL ON *.* TO x"),
        (MARIA, "DELIMITER ;;\nSELECT 1 ;;\nDROP DATABASE y;;\nDELIMITER ;\n", "DROP DATABASE y"),
    ];
    for (text, evil, said) in leaves {
        let facts = look(hide(text, evil).as_bytes()).unwrap();
        assert!(facts.leaves_database.iter().any(|text| text == said), "{evil}: {facts:?}");
        assert!(!format!("{facts:?}").contains("secret"));
    }
    let runs: &[(&str, &str)] = &[
        (PG, "\\! touch /tmp/x\n"),
        (PG, "SELECT 1 \\g |id\n;"),
        (PG, "\\o /tmp/x\n"),
        (PG, "\\i /etc/passwd\n"),
        (PG, "\\c `id`\n"),
        (PG, "\\restrict a \\! id\n"),
        (PG, "COPY public.content FROM PROGRAM 'id';"),
        (PG, "COPY public.content TO '/tmp/x';"),
        (PG, "DO $$ BEGIN EXECUTE 'x'; END $$;"),
        (PG, "SELECT dblink_exec('dbname=production', 'DROP');"),
        (PG, "SELECT pg_catalog.set_config('a', pg_read_file('/x'), false), pg_catalog.pg_read_file('/x');"),
        (PG, "SET standard_conforming_strings = off;"),
        (PG, "SELECT pg_catalog.set_config('standard_conforming_strings', 'off', false);"),
        // psql takes what follows for a part of the function, and executes the command in it.
        (PG, "CREATE FUNCTION a() RETURNS int BEGIN ATOMIC SELECT 1; COPY x FROM stdin;\n\\! id\n END;\n"),
        (PG, "CREATE RULE r AS ON INSERT TO x DO (SELECT 1; COPY x FROM stdin;\n\\! id\n\\.\n);\n"),
        (PG, "COMMENT ON TABLE x IS E'a'\n'b\\' \\! id\n';"),
        (PG, "COPY x FROM stdin; \\! id\n\\.\n"),
        (MARIA, "\\! touch /tmp/x\n"),
        (MARIA, "system id\n"),
        (MARIA, "source /etc/passwd\n"),
        (MARIA, "tee /tmp/x\n"),
        (MARIA, "SELECT 1 \\! id\n;\n"),
        (MARIA, "/*!\\! id\n*/;\n"),
        (MARIA, "/*M!999999\\- x\n\\! id\n*/\n"),
        (MARIA, "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE CONTENT;\n"),
        (MARIA, "SET SQL_MODE='NO_BACKSLASH_ESCAPES';\n"),
        (MARIA, "DELIMITER '\n"),
    ];
    for (text, evil) in runs {
        let facts = look(hide(text, evil).as_bytes());
        let seen = match &facts {
            Ok(facts) => !facts.runs_commands.is_empty(),
            // A dump that is not whole is not restored either.
            Err(_) => true,
        };
        assert!(seen, "{evil}: {facts:?}");
        let mut script = Script::new(if *text == PG { Dialect::Postgresql } else { Dialect::Mysql });
        script.feed(evil.as_bytes());
        script.feed(b"\n");
        assert!(script.dangers().next().is_some(), "{evil}");
    }
}

/// Puts a statement between two others.
fn hide(text: &str, evil: &str) -> String {
    let at = text.find("ALTER TABLE public").or_else(|| text.find("LOCK TABLES")).unwrap();
    let (before, behind) = text.split_at(at);
    format!("{before}{evil}{behind}")
}

#[test]
fn binary_rows_and_long_lines_are_no_trouble() {
    let mut text = PG.as_bytes().to_vec();
    let at = PG.find("1\tDROP").unwrap();
    let mut row = vec![b'x'; 3_000_000];
    row.extend([0, 1, 0xff, 0xfe, b'\'', b'"', b'$', b'$', b'\n']);
    text.splice(at..at, row);
    let facts = inspect(&mut Cursor::new(&text), &Stop::default()).unwrap();
    assert!(facts.runs_commands.is_empty(), "{facts:?}");

    let long =
        format!("INSERT INTO `CONTENT` VALUES (1,'{}\u{0}\\'; DROP DATABASE x;');\n", "y".repeat(3_000_000));
    let facts = inspect(&mut Cursor::new(hide(MARIA, &long)), &Stop::default()).unwrap();
    assert!(facts.leaves_database.is_empty() && facts.runs_commands.is_empty(), "{facts:?}");
    // A statement behind a long one is seen like any other.
    let after = format!("{long}DROP DATABASE y;\n");
    let facts = inspect(&mut Cursor::new(hide(MARIA, &after)), &Stop::default()).unwrap();
    assert_eq!(facts.leaves_database, ["DROP DATABASE y"]);
}

#[test]
fn a_cluster_dump_is_one() {
    let text = format!(
        "--\n-- PostgreSQL database cluster dump\n--\nCREATE ROLE conf;\n\\connect wiki\n{PG}--\n\
         -- PostgreSQL database cluster dump complete\n--\n"
    );
    let facts = look(text.as_bytes()).unwrap();
    assert_eq!(facts.form, "postgresql-cluster");
    assert_eq!(facts.leaves_database, ["CREATE ROLE conf", "\\connect wiki"]);
    let cut = text.replace("cluster dump complete", "");
    assert!(matches!(look(cut.as_bytes()), Err(DumpDefect::CutOff(_))));
}

/// An archive as `pg_dump` of the version writes it: one table with rows, and large objects.
fn archive(minor: u8, compressed: bool, statement: &str) -> Vec<u8> {
    let mut out = b"PGDMP\x01".to_vec();
    out.extend([minor, 0, 4, 8, 1]);
    match (minor, compressed) {
        (15.., packed) => out.push(u8::from(packed)),
        (_, packed) => number(&mut out, if packed { -1 } else { 0 }),
    }
    moment(&mut out);
    texts(&mut out, &["wiki", "15.18", "15.18"]);
    number(&mut out, 3);
    for (id, kind, tag, data) in
        [(1, "TABLE", "content", 0), (2, "TABLE DATA", "content", 1), (3, "BLOBS", "BLOBS", 1)]
    {
        number(&mut out, id);
        number(&mut out, data);
        texts(&mut out, &["0", "0", tag, kind]);
        number(&mut out, 2);
        text(&mut out, if kind == "TABLE" { statement } else { "" });
        text(&mut out, "");
        text(&mut out, if kind == "TABLE DATA" { "COPY public.content (a) FROM stdin;\n" } else { "" });
        texts(&mut out, &["public", ""]);
        if minor >= 14 {
            text(&mut out, "heap");
        }
        if minor >= 16 {
            number(&mut out, 114);
        }
        texts(&mut out, &["conf", "false", "1"]);
        number(&mut out, -1);
        out.push(if data == 1 { 2 } else { 3 });
        out.extend([0; 8]);
    }
    let rows = b"1\tbody\n".repeat(5000);
    out.push(1);
    number(&mut out, 2);
    stream(&mut out, &rows, compressed);
    out.push(3);
    number(&mut out, 3);
    number(&mut out, 4711);
    stream(&mut out, &rows, compressed);
    number(&mut out, 0);
    out
}

fn stream(out: &mut Vec<u8>, rows: &[u8], compressed: bool) {
    let packed = if compressed {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(rows).unwrap();
        encoder.finish().unwrap()
    } else {
        rows.to_vec()
    };
    for chunk in packed.chunks(50) {
        number(out, i32::try_from(chunk.len()).unwrap());
        out.extend(chunk);
    }
    number(out, 0);
}

fn texts(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        text(out, part);
    }
}

fn moment(out: &mut Vec<u8>) {
    for _part in 0..7 {
        number(out, 1);
    }
}

fn number(out: &mut Vec<u8>, value: i32) {
    out.push(u8::from(value < 0));
    out.extend(value.unsigned_abs().to_le_bytes());
}

fn text(out: &mut Vec<u8>, text: &str) {
    number(out, i32::try_from(text.len()).unwrap());
    out.extend(text.as_bytes());
}

#[test]
fn archives_of_every_version_are_read_to_their_end() {
    let table = "CREATE TABLE public.content (a text);\n";
    for minor in 12..=16 {
        for compressed in [false, true] {
            let bytes = archive(minor, compressed, table);
            let facts = look(&bytes).unwrap();
            assert_eq!(
                (facts.form, facts.tables.as_slice()),
                ("postgresql-custom", ["content".to_owned()].as_slice())
            );
            assert_eq!(
                (facts.database.as_deref(), facts.server_version.as_deref()),
                (Some("wiki"), Some("15.18"))
            );
            assert!(facts.unpacked_bytes > 70_000, "{}", facts.unpacked_bytes);
            assert!(facts.runs_commands.is_empty() && facts.leaves_database.is_empty(), "{facts:?}");
            for cut in (0..bytes.len()).step_by(if compressed { 1 } else { 997 }) {
                let outcome = inspect(&mut Cursor::new(&bytes[..cut]), &Stop::default());
                assert!(outcome.is_err(), "1.{minor} cut at {cut}: {outcome:?}");
            }
        }
    }
    for minor in [11, 17] {
        assert!(matches!(look(&archive(minor, true, table)), Err(DumpDefect::Version(_))));
    }
    let facts = look(&archive(14, true, "DROP DATABASE production;")).unwrap();
    assert_eq!(facts.leaves_database, ["DROP DATABASE production"]);
    let facts = look(&archive(14, true, "COPY x FROM PROGRAM 'id'")).unwrap();
    assert_eq!(facts.runs_commands, ["COPY x FROM PROGRAM"]);
}

#[test]
fn an_archive_whose_bytes_were_changed_is_damaged_or_read_as_it_is() {
    let good = archive(14, true, "CREATE TABLE public.content (a text);\n");
    // The packed data begin behind the table of contents; a checksum guards them.
    for at in (good.len() / 2..good.len() - 20).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        let outcome = inspect(&mut Cursor::new(&bad), &Stop::default());
        assert!(outcome.is_err(), "{at}: {outcome:?}");
    }
    // Anywhere else nothing may hang, panic or take memory without end.
    for at in 0..good.len() / 2 {
        for value in [0, 0x7f, 0xff] {
            let mut bad = good.clone();
            bad[at] = value;
            drop(inspect(&mut Cursor::new(&bad), &Stop::default()));
        }
    }
    let mut longer = good.clone();
    longer.extend(&good);
    assert!(matches!(inspect(&mut Cursor::new(&longer), &Stop::default()), Err(DumpDefect::Damaged(_))));
}

#[test]
fn a_tar_and_a_directory_need_every_file_they_name() {
    let mut toc = b"PGDMP\x01\x0e\x00\x04\x08\x03".to_vec();
    number(&mut toc, 0);
    moment(&mut toc);
    texts(&mut toc, &["wiki", "15.18", "15.18"]);
    number(&mut toc, 2);
    for (id, kind, file) in [(1, "TABLE", ""), (2, "TABLE DATA", "2.dat")] {
        number(&mut toc, id);
        number(&mut toc, i32::from(id == 2));
        texts(&mut toc, &["0", "0", "content", kind]);
        number(&mut toc, 2);
        texts(&mut toc, &["", "", "", "public", "", "heap", "conf", "false"]);
        number(&mut toc, -1);
        text(&mut toc, file);
    }
    let archive = |names: &[(&str, &[u8])]| {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in names {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o600);
            header.set_cksum();
            builder.append_data(&mut header, name, *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    };
    let whole = archive(&[("toc.dat", &toc), ("2.dat", b"1\n\\.\n")]);
    assert_eq!(look(&whole).unwrap().form, "postgresql-tar");
    assert!(look(&archive(&[("toc.dat", &toc)])).is_err());
    assert!(look(&whole[..toc.len() + 700]).is_err());

    toc[10] = DIRECTORY;
    assert_eq!(recognise(&toc), Some(DumpForm::PostgresqlDirectory));
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("toc.dat"), &toc).unwrap();
    let missing = inspect_directory(directory.path(), &Stop::default());
    assert!(matches!(missing, Err(DumpDefect::CutOff(_))), "{missing:?}");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&b"1\n".repeat(1000)).unwrap();
    let packed = packed.finish().unwrap();
    std::fs::write(directory.path().join("2.dat.gz"), &packed).unwrap();
    let facts = inspect_directory(directory.path(), &Stop::default()).unwrap();
    assert_eq!((facts.form, facts.table_count), ("postgresql-directory", 1));
    std::fs::write(directory.path().join("2.dat.gz"), &packed[..packed.len() - 4]).unwrap();
    assert!(matches!(inspect_directory(directory.path(), &Stop::default()), Err(DumpDefect::CutOff(_))));
}

const DIRECTORY: u8 = 5;
