//! Whole licences, damaged ones, and texts that are something else.

#![expect(clippy::string_slice, reason = "licence texts are ASCII")]

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::prelude::*;

use super::*;
use crate::product::confluence::license::encode::{encode_license, encode_text, seal_body, seal_container};

const LICENSE: [(&str, &str); 7] = [
    ("Description", "Confluence (Data Center): Commercial"),
    ("conf.active", "true"),
    ("conf.DataCenter", "true"),
    ("LicenseExpiryDate", "2027-03-31"),
    ("MaintenanceExpiryDate", "2027-03-31"),
    ("Organisation", "Ünïcödé & Söhne \u{1f600} = C:\\x"),
    ("***CREATED-BY***", " leading blank, # and ! \t\n"),
];

fn properties() -> BTreeMap<String, String> {
    LICENSE.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Without its line breaks, so that every character counts.
fn compact() -> String {
    encode_license(&LICENSE).split_whitespace().collect()
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_licence_is_read_however_it_was_wrapped() {
    let license = encode_license(&LICENSE);
    let lines: Vec<&str> = license.split_whitespace().collect();
    assert!(lines.len() > 3);
    let compact = lines.concat();
    let wrapped_in = |separator: &str| lines.join(separator);
    let one_by_one: String = compact.chars().flat_map(|c| [c, '\u{a0}', '\t']).collect();
    let rows = [
        ("as sent by mail", license.clone()),
        ("in one line", compact.clone()),
        ("as in confluence.cfg.xml", wrapped_in(" ")),
        ("Windows line ends", wrapped_in("\r\n")),
        ("indented", wrapped_in("\n      ")),
        ("white space around", format!("\n\n  {license} \t \r\n")),
        ("byte order mark", format!("\u{feff}{license}")),
        ("no-break blanks", one_by_one),
    ];
    for (name, text) in rows {
        assert_eq!(decode_license(&text), Ok(properties()), "{name}");
    }
}

#[test]
fn version_01_is_read_like_02() {
    let text = compact();
    let (before, mark) = text.rsplit_once("X02").unwrap();
    assert_eq!(decode_license(&format!("{before}X01{mark}")), Ok(properties()));
    assert_eq!(
        decode_license(&format!("{before}X03{mark}")),
        Err(LicenseError::Version { version: "03".into() })
    );
}

#[test]
fn a_licence_cut_off_anywhere_is_damaged_and_says_so() {
    let text = compact();
    for length in 0..text.len() {
        let error = decode_license(&text[..length]).expect_err("it is cut");
        assert!(
            matches!(
                error,
                LicenseError::Empty
                    | LicenseError::NoMark { .. }
                    | LicenseError::Version { .. }
                    | LicenseError::Lengthened { .. }
                    | LicenseError::Shortened { .. }
            ),
            "{length}: {error}"
        );
        if length > 0 {
            assert!(decode_license(&text[text.len() - length..]).is_err(), "tail of {length}");
        }
    }
}

#[test]
fn a_part_lost_in_the_middle_is_noticed() {
    let text = compact();
    for (from, to) in [(0, 1), (0, 76), (76, 152), (100, 101), (3, 200)] {
        let cut = format!("{}{}", &text[..from], &text[to..]);
        let found = text.rfind('X').unwrap() - (to - from);
        assert_eq!(decode_license(&cut), Err(LicenseError::Shortened { stated: found + (to - from), found }));
    }
}

#[test]
fn a_changed_character_never_gives_other_content() {
    let text = compact();
    for index in 0..text.len() {
        for other in ["A", "/", "x", "7", "X", "=", "<"] {
            let changed = format!("{}{other}{}", &text[..index], &text[index + 1..]);
            if let Ok(read) = decode_license(&changed) {
                assert_eq!(read, properties(), "{index} {other}");
            }
        }
    }
}

#[test]
fn what_stands_around_a_licence_is_noticed() {
    let text = compact();
    let found = text.rfind('X').unwrap();
    let tail = |tail: &str| decode_license(&format!("{text}{tail}"));
    assert_eq!(
        decode_license(&format!("{text}{text}")),
        Err(LicenseError::Lengthened { stated: found, found: found + text.len() })
    );
    assert!(matches!(tail("abc"), Err(LicenseError::Shortened { .. })));
    assert!(matches!(tail("zzz"), Err(LicenseError::NoMark { .. })));
    assert!(matches!(tail("aaaaaaaaaaaaaaaa"), Err(LicenseError::NoMark { .. })));
    assert!(matches!(tail("X"), Err(LicenseError::NoMark { .. })));
    assert!(matches!(tail("X02"), Err(LicenseError::NoMark { .. })));
    assert!(matches!(tail("X02q"), Err(LicenseError::Lengthened { .. })));
    assert!(matches!(tail("Xyz"), Err(LicenseError::NoMark { .. })));
    assert_eq!(tail("."), Err(LicenseError::ForeignCharacter { position: text.len() + 1, character: '.' }));
    assert_eq!(
        decode_license(&format!("\"{text}\"")),
        Err(LicenseError::ForeignCharacter { position: 1, character: '"' })
    );
}

#[test]
fn containers_that_lie_are_refused() {
    let stream = deflate(b"conf.active=true\n");
    let body = [&MAGIC[..], &stream].concat();
    assert!(decode_license(&seal_body(&body)).is_ok());

    let rows: [(&str, Vec<u8>, LicenseError); 6] = [
        ("nothing", vec![], LicenseError::Container { stated: 0, found: 0 }),
        ("half a length", vec![0, 0, 0], LicenseError::Container { stated: 0, found: 3 }),
        ("no body", vec![0, 0, 0, 0], LicenseError::Container { stated: 0, found: 0 }),
        (
            "too long",
            [&[0, 0, 1, 0][..], &body].concat(),
            LicenseError::Container { stated: 256, found: body.len() },
        ),
        (
            "far too long",
            [&[0xff; 4][..], &body].concat(),
            LicenseError::Container { stated: 0xffff_ffff, found: body.len() },
        ),
        (
            "no signature",
            [&[0, 0, 0, u8::try_from(body.len()).unwrap()][..], &body].concat(),
            LicenseError::Container { stated: body.len(), found: body.len() },
        ),
    ];
    for (name, container, error) in rows {
        assert_eq!(decode_license(&seal_container(&container)), Err(error), "{name}");
    }
}

#[test]
fn bodies_that_are_no_licence_are_refused() {
    let stream = deflate(b"conf.active=true\n");
    let body = |stream: &[u8]| decode_license(&seal_body(&[&MAGIC[..], stream].concat()));
    assert_eq!(
        decode_license(&seal_body(&[&[1, 2, 3, 4, 5], &stream[..]].concat())),
        Err(LicenseError::Magic)
    );
    assert_eq!(decode_license(&seal_body(&MAGIC[..4])), Err(LicenseError::Magic));
    assert_eq!(body(b""), Err(LicenseError::NotUnpackable));
    assert_eq!(body(b"conf.active=true\n"), Err(LicenseError::NotUnpackable));
    for length in 0..stream.len() {
        assert_eq!(body(&stream[..length]), Err(LicenseError::NotUnpackable), "{length}");
    }
    assert_eq!(decode_license(&encode_text(b"Description=\xff\xfe\n")), Err(LicenseError::NotText));
    assert_eq!(decode_license(&encode_text(b"")), Err(LicenseError::NoProperties));
    assert_eq!(decode_license(&encode_text(b"#comment\n\n")), Err(LicenseError::NoProperties));
}

#[test]
fn a_bomb_does_not_go_off() {
    // 24 MB of zeros fit into a text of the permitted length; a thousand times that would not
    // be read further either, since reading stops at the limit.
    let bomb = encode_text(&vec![0; 24_000_000]);
    assert!(bomb.len() < MOST_CHARACTERS, "{}", bomb.len());
    assert_eq!(decode_license(&bomb), Err(LicenseError::Inflates));
    assert!(decode_license(&bomb).unwrap_err().to_string().starts_with("it inflates to more than 65536"));

    let full = format!("a={}", "b".repeat(MOST_INFLATED - 2));
    assert!(decode_license(&encode_text(full.as_bytes())).is_ok());
    assert_eq!(decode_license(&encode_text(format!("{full}b").as_bytes())), Err(LicenseError::Inflates));
}

#[test]
fn texts_that_are_something_else_are_refused_with_a_reason() {
    let long = "A".repeat(10_000_000);
    let rows = [
        ("", LicenseError::Empty),
        (" \n\t\r\u{a0} ", LicenseError::Empty),
        ("\u{feff}", LicenseError::Empty),
        (&long, LicenseError::TooLong { bytes: 10_000_000 }),
        ("<html><body>Log in</body></html>", LicenseError::ForeignCharacter { position: 1, character: '<' }),
        ("{\"license\": 1}", LicenseError::ForeignCharacter { position: 1, character: '{' }),
        ("AAAB\u{0}", LicenseError::ForeignCharacter { position: 5, character: '\0' }),
        ("٣٤", LicenseError::ForeignCharacter { position: 1, character: '٣' }),
        ("X", LicenseError::NoMark { characters: 1 }),
        ("X02", LicenseError::NoMark { characters: 3 }),
        ("X020", LicenseError::Container { stated: 0, found: 0 }),
        ("AX021", LicenseError::NotBase64),
        ("AA=AX024", LicenseError::NotBase64),
        ("X02+1", LicenseError::NoMark { characters: 5 }),
        ("trial license", LicenseError::NoMark { characters: 12 }),
    ];
    for (text, error) in rows {
        let shown: String = text.chars().take(20).collect();
        assert_eq!(decode_license(text), Err(error), "{shown:?}");
    }
}

#[test]
fn the_old_form_is_told_from_a_cut_licence() {
    let old = "qwErtzUiopAsdfghjKlyxcvbnM".repeat(4);
    assert_eq!(decode_license(&old), Err(LicenseError::Legacy));
    assert!(matches!(decode_license("please paste the license here"), Err(LicenseError::NoMark { .. })));
    let cut = format!("AAAC{old}");
    assert_eq!(decode_license(&cut), Err(LicenseError::NoMark { characters: cut.len() }));
}

#[test]
fn messages_never_repeat_the_text() {
    let text = compact();
    for changed in [&text[..300], &text[50..], &format!("{text}{text}")] {
        let error = decode_license(changed).unwrap_err();
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(shown.len() < 200 && !shown.contains(&text[60..80]), "{shown}");
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_survived(text in any::<String>()) {
        let _read = decode_license(&text);
    }

    #[test]
    fn any_content_is_survived(container in any::<Vec<u8>>(), stream in any::<Vec<u8>>()) {
        let _read = decode_license(&seal_container(&container));
        let _read = decode_license(&seal_body(&container));
        let _read = decode_license(&seal_body(&[&MAGIC[..], &stream].concat()));
        let _read = decode_license(&encode_text(&stream));
    }

    #[test]
    fn what_was_encoded_comes_back(
        pairs in proptest::collection::btree_map("[ -~]{1,20}", "\\PC{0,40}", 1..20)
    ) {
        let listed: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        prop_assert_eq!(decode_license(&encode_license(&listed)), Ok(pairs));
    }
}
