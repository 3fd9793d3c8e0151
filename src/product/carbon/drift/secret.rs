//! What of a setting may be shown: everything but secrets.
//!
//! A secret stands as `***` with a number: equal numbers are equal values, and nothing else can be told of them.

use crate::collect::database::jdbc::redact;

/// Longest value that is shown.
const LONGEST: usize = 160;

/// What the name of a secret has in it. Rather a harmless value is hidden than a secret shown.
const SECRET: [&str; 16] = [
    "passw",
    "passphrase",
    "keypass",
    "keystorepass",
    "truststorepass",
    "storepass",
    "pwd",
    "secret",
    "credential",
    "token",
    "apikey",
    "api_key",
    "privatekey",
    "private_key",
    "accesskey",
    "encryption",
];

/// Files that hold nothing but secrets.
const FILES: [&str; 3] = ["cipher-text.properties", "password-tmp", "password-persist"];

/// The values of one setting, in the same order, as they may be shown.
///
/// `None` stays `None`. Different values stay different.
pub(super) fn shown<const N: usize>(
    file: &str,
    path: &str,
    values: [Option<&str>; N],
) -> [Option<String>; N] {
    let mut distinct: Vec<&str> = Vec::new();
    for value in values.into_iter().flatten() {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    let hide = is_secret(file, path) || distinct.iter().any(|value| looks_secret(value));
    let texts: Vec<String> =
        distinct.iter().map(|value| if hide { "***".to_owned() } else { plain(value) }).collect();
    values.map(|value| {
        let value = value?;
        let number = distinct.iter().position(|other| *other == value)?;
        let text = texts.get(number)?;
        // Cut or with a password taken out, two values may look the same.
        let is_ambiguous = hide || texts.iter().filter(|other| *other == text).count() > 1;
        Some(match (hide, is_ambiguous) {
            (true, _) => format!("***{}", number + 1),
            (false, true) => format!("{text} ({})", number + 1),
            (false, false) => text.clone(),
        })
    })
}

fn is_secret(file: &str, path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let name = file.rsplit('/').next().unwrap_or(file);
    FILES.contains(&name) || SECRET.iter().any(|word| path.contains(word))
}

/// A value that gives a secret away whatever its name is.
fn looks_secret(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let is_jdbc = lower.trim_start().starts_with("jdbc:");
    let names_one =
        ["password=", "passwd=", "pwd=", "secret=", "token=", "password:", "begin private key", "begin rsa"]
            .iter()
            .any(|word| lower.contains(word));
    let is_opaque = value.len() >= 32
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-'))
        && value.bytes().any(|byte| byte.is_ascii_digit())
        && value.bytes().any(|byte| byte.is_ascii_uppercase())
        && value.bytes().any(|byte| byte.is_ascii_lowercase());
    (names_one && !is_jdbc) || is_opaque
}

fn plain(value: &str) -> String {
    let text = if value.trim_start().to_ascii_lowercase().starts_with("jdbc:") {
        redact(value)
    } else {
        without_people(&without_login(value))
    };
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() <= LONGEST {
        return text;
    }
    let cut: String = text.chars().take(LONGEST).collect();
    format!("{cut}…")
}

/// `ldap://***@host` of `ldap://name:password@host`, wherever in the text an address stands.
fn without_login(text: &str) -> String {
    let mut pieces = text.split("://");
    let mut all = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(['/', ' ', '?', '"']).unwrap_or(piece.len());
        let (authority, rest) = piece.split_at_checked(end).unwrap_or((piece, ""));
        all.push_str("://");
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                all.push_str("***@");
                all.push_str(host);
            }
            None => all.push_str(authority),
        }
        all.push_str(rest);
    }
    all
}

/// `***@example.com` of a person's address.
fn without_people(text: &str) -> String {
    let is_host = |host: &str| {
        host.contains('.') && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
    };
    let shown = |word: &str| match word.split_once('@') {
        Some((name, host)) if !name.is_empty() && is_host(host) => format!("***@{host}"),
        Some(_) | None => word.to_owned(),
    };
    text.split(' ').map(shown).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file, a path in it, what stands there, and what is told of it.
    type Row<'a> = (&'a str, &'a str, [Option<&'a str>; 3], [Option<&'a str>; 3]);

    #[test]
    fn secrets_are_hidden_and_still_told_apart() {
        let rows: &[Row<'_>] = &[
            ("carbon.xml", "Server/Ports/Offset", [Some("0"), Some("3"), None], [Some("0"), Some("3"), None]),
            (
                "carbon.xml",
                "Server/Security/KeyStore/KeyPassword",
                [Some("wso2carbon"), Some("hunter2"), Some("wso2carbon")],
                [Some("***1"), Some("***2"), Some("***1")],
            ),
            (
                "user-mgt.xml",
                "Property[ConnectionPassword]",
                [Some("x"), None, None],
                [Some("***1"), None, None],
            ),
            ("m.xml", "a/@svns:secretAlias", [Some("Carbon.Key"), None, None], [Some("***1"), None, None]),
            (
                "cipher-text.properties",
                "Carbon.Key",
                [Some("[plain]"), Some("E+x"), None],
                [Some("***1"), Some("***2"), None],
            ),
            (
                "wrapper.conf",
                "wrapper.java.additional.3",
                [Some("-Djavax.net.ssl.keyStorePassword=wso2carbon"), None, None],
                [Some("***1"), None, None],
            ),
            (
                "m.xml",
                "url",
                [
                    Some("jdbc:mysql://h/d?password=a"),
                    Some("jdbc:mysql://h/d?password=b"),
                    Some("jdbc:mysql://g/d"),
                ],
                [
                    Some("jdbc:mysql://h/d?password=*** (1)"),
                    Some("jdbc:mysql://h/d?password=*** (2)"),
                    Some("jdbc:mysql://g/d"),
                ],
            ),
            (
                "u.xml",
                "ConnectionURL",
                [Some("ldap://cn=a:geheim@h:389/dc=x"), Some("see http://a/b?u=c@d"), None],
                [Some("ldap://***@h:389/dc=x"), Some("see http://a/b?u=c@d"), None],
            ),
            (
                "mail.xml",
                "from",
                [Some("jane.doe@example.com"), Some("@product.name@-1"), Some("carbon@jdbc:h2:x")],
                [Some("***@example.com"), Some("@product.name@-1"), Some("carbon@jdbc:h2:x")],
            ),
            (
                "a.xml",
                "x",
                [Some("kX93jdkKLs83kdlLdkwl39dkDKls93kd"), None, None],
                [Some("***1"), None, None],
            ),
        ];
        for (file, path, values, expected) in rows {
            let shown = shown(file, path, *values);
            assert_eq!(shown.each_ref().map(Option::as_deref), *expected, "{file} {path}");
        }
    }

    #[test]
    fn long_values_are_cut_and_stay_different() {
        let (a, b) = ("x.".repeat(500), "x.".repeat(501));
        let [one, other] = shown("a.xml", "x", [Some(a.as_str()), Some(b.as_str())]);
        assert!(one != other && one.unwrap().chars().count() < 200);
    }
}
