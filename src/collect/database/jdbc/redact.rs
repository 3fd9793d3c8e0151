//! Takes the secrets out of a JDBC URL before anybody looks at the rest of it.
//!
//! It does not judge whether the URL is well-formed: where it is not clear what is secret, more is hidden.

use super::{MOST_BYTES, decode, schemes};

/// What stands in place of a secret.
pub(super) const HIDDEN: &str = "***";

/// The URL with user names, passwords and other credentials replaced by `***`.
///
/// What is not a JDBC URL at all, or far too long for one, is hidden completely. Control characters,
/// which could play tricks on a terminal, are replaced.
#[must_use]
pub fn redact(text: &str) -> String {
    let text = text.trim();
    let Some(start) = schemes::credentials_start(text) else { return HIDDEN.to_owned() };
    if text.len() > MOST_BYTES {
        return HIDDEN.to_owned();
    }
    let text: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    hide_login(&hide_parameters(&hide_groups(&text)), start)
}

/// Whether the value of a parameter with this name must not be shown.
///
/// Account names are hidden with the passwords: the account is taken from where it belongs.
pub(super) fn is_secret(name: &str) -> bool {
    let name = decode(name).text.trim().to_ascii_lowercase();
    let exact = ["user", "username", "user name", "userid", "user id", "uid", "domain_user"];
    let within = ["pass", "pwd", "secret", "token", "credential", "privatekey", "clientkey", "accesskey"];
    exact.contains(&name.as_str()) || within.iter().any(|part| name.contains(part))
}

/// `(password=…)` of MySQL's host lists and Oracle's descriptions, up to the closing parenthesis.
fn hide_groups(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    let (mut opened, mut closed) = (0, 0);
    while let Some((before, value)) = rest.split_once('=') {
        opened += before.matches('(').count();
        closed += before.matches(')').count();
        shown.push_str(before);
        shown.push('=');
        rest = value;
        let name = before.rsplit(['(', ')', ',', '=', '&', ';', '?']).next().unwrap_or(before);
        if opened > closed && is_secret(name) {
            shown.push_str(HIDDEN);
            rest = value.find(')').and_then(|end| value.get(end..)).unwrap_or_default();
        }
    }
    shown + rest
}

/// The values of secret parameters behind the first `?` or `;`.
fn hide_parameters(text: &str) -> String {
    let Some((head, mark, tail)) = split_parameters(text) else { return text.to_owned() };
    let mut shown = format!("{head}{mark}");
    // A password with an unescaped separator in it falls apart; its pieces have no name.
    let mut after_secret = false;
    for (index, piece) in pieces(tail, mark).into_iter().enumerate() {
        if index > 0 {
            shown.push(separator(mark));
        }
        match piece.split_once('=') {
            Some((name, _)) if is_secret(strip_amp(name).0) => {
                after_secret = true;
                shown.push_str(name);
                shown.push('=');
                shown.push_str(HIDDEN);
            }
            None if after_secret && !piece.is_empty() => shown.push_str(HIDDEN),
            Some(_) | None => {
                after_secret = after_secret && piece.is_empty();
                shown.push_str(piece);
            }
        }
    }
    shown
}

/// `user:password@` in front of the servers.
fn hide_login(text: &str, start: usize) -> String {
    let in_front = text.get(start..).is_some_and(looks_like_login);
    let last = text
        .rmatch_indices('@')
        .map(|(at, _)| at)
        .find(|at| in_front || !is_value(text.get(..*at).unwrap_or_default()))
        .filter(|at| *at > start);
    match last.and_then(|at| Some((text.get(..start)?, text.get(at..)?))) {
        Some((before, after)) => format!("{before}{HIDDEN}{after}"),
        None => text.to_owned(),
    }
}

/// Whether an address begins with something like `user:password`: what follows the colon is no port.
fn looks_like_login(address: &str) -> bool {
    let first = address.split(['/', '?', ';', '@']).next().unwrap_or(address);
    let port = first.split_once(':').map(|(_, port)| port);
    port.is_some_and(|port| port.is_empty() || port.contains(|c: char| !c.is_ascii_digit()))
}

/// Whether what follows `before` belongs to the value of a named parameter.
fn is_value(before: &str) -> bool {
    split_parameters(before).is_some_and(|(_, _, tail)| tail.contains('='))
}

/// Splits off the parameters at the first `?` or `;`.
pub(super) fn split_parameters(text: &str) -> Option<(&str, char, &str)> {
    let at = text.find(['?', ';'])?;
    let (head, tail) = text.split_at_checked(at)?;
    let mark = tail.chars().next()?;
    Some((head, mark, tail.strip_prefix(mark)?))
}

fn separator(mark: char) -> char {
    if mark == '?' { '&' } else { ';' }
}

/// The parameters: `a=b&c=d` behind `?`; `a=b;c={d;e}` behind `;`, where braces quote (SQL Server).
pub(super) fn pieces(tail: &str, mark: char) -> Vec<&str> {
    if mark == '?' {
        return tail.split('&').collect();
    }
    let mut pieces = Vec::new();
    let mut rest = tail;
    loop {
        let end = piece_end(rest);
        pieces.push(rest.get(..end).unwrap_or(rest));
        match rest.get(end + 1..) {
            Some(next) => rest = next,
            None => return pieces,
        }
    }
}

/// Where the first `;` outside braces stands; a brace is closed by one `}`, two mean the character.
fn piece_end(text: &str) -> usize {
    let mut quoted = false;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '{' if !quoted && before == '=' => quoted = true,
            '}' if quoted => {
                // `}}` toggles twice, so that it changes nothing.
                quoted = false;
            }
            '}' if before == '}' => quoted = true,
            ';' if !quoted => return at,
            _ => {}
        }
        before = c;
    }
    text.len()
}

/// A name without the `amp;` that a doubly escaped `&` leaves in front of it, and whether it had one.
pub(super) fn strip_amp(name: &str) -> (&str, bool) {
    let stripped = name.trim_start_matches("amp;");
    (stripped, stripped.len() != name.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    #[test]
    fn secrets_are_replaced_and_the_rest_is_left() {
        let rows = [
            ("jdbc:postgresql://db:5432/wiki?ssl=true", "jdbc:postgresql://db:5432/wiki?ssl=true"),
            (
                "jdbc:postgresql://db/wiki?user=bob&password=S3CRET&ssl=true",
                "jdbc:postgresql://db/wiki?user=***&password=***&ssl=true",
            ),
            (
                "jdbc:postgresql://db/wiki?a=b&amp;PassWord=S3CRET",
                "jdbc:postgresql://db/wiki?a=b&amp;PassWord=***",
            ),
            ("jdbc:postgresql://db/wiki?pass%77ord=S3CRET", "jdbc:postgresql://db/wiki?pass%77ord=***"),
            ("jdbc:postgresql://db/wiki?password=S3&CRET", "jdbc:postgresql://db/wiki?password=***&***"),
            ("jdbc:postgresql://db?password=S3@CRET", "jdbc:postgresql://db?password=***"),
            ("jdbc:postgresql://db?mail=a@b", "jdbc:postgresql://db?mail=a@b"),
            ("jdbc:mysql://bob:S3CRET@db:3306/wiki", "jdbc:mysql://***@db:3306/wiki"),
            ("jdbc:mysql://bob:S3@CRET@db/wiki", "jdbc:mysql://***@db/wiki"),
            ("jdbc:mysql://bob:S3/CRET@db/wiki", "jdbc:mysql://***@db/wiki"),
            ("jdbc:mysql://bob:S3?CRET@db/wiki", "jdbc:mysql://***@db/wiki"),
            ("jdbc:mysql://bob:S3/;C=RET@db/wiki", "jdbc:mysql://***@db/wiki"),
            ("jdbc:mysql://a:S3CRET@h1,b:S3CRET@h2/wiki", "jdbc:mysql://***@h2/wiki"),
            (
                "jdbc:mysql://address=(host=h)(user=bob)(password=S3,CRET)(port=1)/wiki",
                "jdbc:mysql://address=(host=h)(user=***)(password=***)(port=1)/wiki",
            ),
            ("jdbc:mysql://(host=h,password=S3CRET", "jdbc:mysql://(host=h,password=***"),
            (
                "jdbc:sqlserver://db;databaseName=wiki;user=bob;password={S3;CRET}}x};encrypt=true",
                "jdbc:sqlserver://db;databaseName=wiki;user=***;password=***;encrypt=true",
            ),
            ("jdbc:sqlserver://db;password={S3;CRET", "jdbc:sqlserver://db;password=***"),
            (
                "jdbc:sqlserver://db;trustStorePassword=S3CRET;a=b",
                "jdbc:sqlserver://db;trustStorePassword=***;a=b",
            ),
            ("jdbc:oracle:thin:scott/S3CRET@//db:1521/wiki", "jdbc:oracle:thin:***@//db:1521/wiki"),
            ("jdbc:oracle:thin:scott/S3//CRET@db:1521:wiki", "jdbc:oracle:thin:***@db:1521:wiki"),
            ("jdbc:oracle:thin:@//db:1521/wiki", "jdbc:oracle:thin:@//db:1521/wiki"),
            (
                "jdbc:h2:file:/home/h2db;CIPHER=AES;PASSWORD=S3CRET",
                "jdbc:h2:file:/home/h2db;CIPHER=AES;PASSWORD=***",
            ),
            ("jdbc:strange:bob:S3CRET@db", "jdbc:***@db"),
            ("bob:S3CRET@db", "***"),
            ("S3CRET", "***"),
            ("", "***"),
            ("jdbc:h2:mem:\u{1b}[31m", "jdbc:h2:mem:\u{fffd}[31m"),
        ];
        for (text, expected) in rows {
            assert_eq!(redact(text), expected, "{text:?}");
        }
        assert_eq!(redact(&format!("jdbc:h2:{}", "x".repeat(10_000_000))), HIDDEN);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            for scheme in ["", "jdbc:postgresql:", "jdbc:sqlserver://"] {
                let _shown = redact(&format!("{scheme}{text}"));
            }
        }

        #[test]
        fn a_password_parameter_never_shows(
            head in "jdbc:(postgresql|mysql|mariadb)://[a-z@:/,()]{0,12}",
            secret in "[A-Z]{6,12}",
            before in "[a-z0-9&%=;]{0,10}",
        ) {
            let text = format!("{head}?{before}&password={secret}&x=y");
            prop_assert!(!redact(&text).contains(&secret), "{}", redact(&text));
        }

        #[test]
        fn a_login_never_shows(
            engine in "postgresql://|mysql://|mariadb://|oracle:thin:",
            first in "[A-Z]{6}",
            middle in "[:/?;@=&A-Z]{0,6}",
            last in "[A-Z]{6}",
        ) {
            let shown = redact(&format!("jdbc:{engine}bob:{first}{middle}{last}@db/wiki"));
            prop_assert!(!shown.contains(&first) && !shown.contains(&last), "{shown}");
        }
    }
}
