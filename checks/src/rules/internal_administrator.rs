//! Could anybody administer the site while the external directories are down?

use super::sql;
use super::wording::{asks_for_internal_administrator, counted, excerpt};
use crate::facts::{Administrators, Engine, Family, HealthCheck, Missing, Records, Source};
use crate::model::{About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided};

pub(super) static CHECK: Check = Check {
    id: "internal-administrator",
    title: "An administrator of the product's own",
    category: Category::Application,
    products: Products::Only(&[Family::Confluence]),
    // The product's own health check is a second opinion where it is offered; it is not needed.
    reads: &[Source::Database],
    people: People::MayWaive,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

How many active users of the product's own (internal) directories administer the site: members of \
`confluence-administrators` or of a group with the global permission to administer, and users who have it by name. Where \
the product offers its health check \"Internal administrator user\", its answer counts too. Who they are is not read.

## Why it matters

After an upgrade single sign-on, Crowd or LDAP may not work at once. With no administrator of the product's own nobody can \
log in to repair that: <https://confluence.atlassian.com/confkb/829068290.html>. Groups inside groups are not followed, \
so this warns and does not block.

## How to fix it

Add a user to the internal directory (General Configuration, User management, with the internal directory first in User \
Directories), make it a member of `confluence-administrators`, log in with it once and keep its password sealed.

## What it needs

PostgreSQL: `GRANT SELECT ON cwd_directory, cwd_user, cwd_group, cwd_membership, spacepermissions, user_mapping TO \
readiness;`. MySQL and MariaDB: `GRANT SELECT ON confluence.* TO 'readiness'@'localhost';`. Or, without the database, the \
health checks over HTTP with the token of an administrator.

## Settings

None.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let administrators = case.facts.database().and_then(|database| {
        let read = database.records.administrators.read(Source::Database, "who administers the site");
        read.map_err(|missing| match database.engine {
            Engine::SqlServer | Engine::Oracle => sql::ask(missing, BY_HAND),
            Engine::Postgresql | Engine::Mysql | Engine::Mariadb | Engine::H2 | Engine::Hsqldb => missing,
        })
    });
    let health = case.facts.application().ok().and_then(|application| application.health.value());
    let health = health.and_then(|checks| own_check(checks));
    match (administrators, health) {
        (Err(missing), None) => Err(missing.into()),
        (Ok(administrators), health) => Ok(of_database(administrators, health)),
        (Err(missing), Some(health)) => Ok(of_health(health, &missing)),
    }
}

/// Both findings are about the same thing.
const SUBJECT: &str = "internal-administrator";

const BY_HAND: &str = "SELECT COUNT(*) FROM cwd_user u JOIN cwd_directory d ON d.id = u.directory_id JOIN cwd_membership m \
    ON m.child_user_id = u.id JOIN cwd_group g ON g.id = m.parent_id WHERE d.directory_type = 'INTERNAL' AND d.active = 'T' \
    AND u.active = 'T' AND g.group_name = 'confluence-administrators'; must be more than 0";

/// The product's own check, the failing one first when each node of a cluster reports it.
fn own_check(checks: &[HealthCheck]) -> Option<&HealthCheck> {
    let mut own: Vec<&HealthCheck> =
        checks.iter().filter(|check| asks_for_internal_administrator(check)).collect();
    own.sort_by_key(|check| check.healthy);
    own.first().copied()
}

fn of_database(administrators: &Administrators, health: Option<&HealthCheck>) -> Judgement {
    let Administrators { internal_directories, external, internal } = administrators;
    let count = if *internal > Records::MOST {
        format!("more than {} administrators", Records::MOST)
    } else {
        counted(*internal, "administrator")
    };
    let mut evidence = format!("{count} in the product's own directories");
    if !external.is_empty() {
        evidence = format!("{evidence}; others: {}", external.join(", "));
    }
    let fails = health.is_some_and(|check| !check.healthy);
    if *internal > 0 && !fails {
        return Judgement::ready(evidence);
    }
    let observed = match (internal_directories, internal) {
        (0, _) => "no internal directory is switched on".to_owned(),
        (_, 0) => "no active administrator in an internal directory".to_owned(),
        _ => format!("{count}, but the product's own health check fails: {}", reason(health)),
    };
    if health.is_some_and(|check| check.healthy) {
        // The product follows groups inside groups, which the agent does not.
        return Judgement::new(evidence, vec![only_the_product_sees_one(observed)]);
    }
    let locked_out =
        if external.is_empty() { String::new() } else { format!(" while {} is down", external.join(" or ")) };
    Judgement::new(evidence, vec![finding(&locked_out, observed)])
}

fn of_health(health: &HealthCheck, missing: &Missing) -> Judgement {
    let evidence = format!("the product's own health check \"{}\"", excerpt(&health.name));
    if health.healthy {
        return Judgement::ready(format!("{evidence} is content; not seen in the database: {missing}"));
    }
    let observed = format!("the product's own health check fails: {}", reason(Some(health)));
    Judgement::new(format!("{evidence} fails"), vec![finding("", observed)])
}

fn reason(health: Option<&HealthCheck>) -> String {
    let reason = health.map(|check| excerpt(&check.reason)).unwrap_or_default();
    if reason.is_empty() { "it does not say why".to_owned() } else { reason }
}

fn only_the_product_sees_one(observed: String) -> Finding {
    Finding {
        severity: Severity::Notice,
        summary: "the product's own health check sees an administrator of its own where the agent sees none".to_owned(),
        remedy: "It may be one in a group inside a group, which the agent does not follow. Log in with that user once \
                 before the upgrade, while single sign-on is off for you."
            .to_owned(),
        ..finding("", observed)
    }
}

fn finding(locked_out: &str, observed: String) -> Finding {
    Finding {
        severity: Severity::Warning,
        subject: SUBJECT.to_owned(),
        summary: format!("nobody could administer the site{locked_out}: there is no administrator of the product's own"),
        observed,
        required: "an active administrator in an internal directory".to_owned(),
        remedy: "Switch the internal directory on (General Configuration, User Directories), add a user to it, make it a \
                 member of confluence-administrators, log in with it once and keep its password sealed until after the \
                 upgrade."
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::Golden;
    use crate::model::Verdict::{Ready, Unknown, Warning};
    use crate::rules::testing::{Spoil, application, database, judges_spoilt, look, read, unread};

    fn administrators(golden: &mut Golden) -> &mut Administrators {
        read(&mut database(golden).records.administrators)
    }

    fn health(golden: &mut Golden, healthy: bool) {
        let checks = read(&mut application(golden).health);
        let mut check = checks[0].clone();
        check.key = "com.atlassian.troubleshooting.plugin-confluence:internalAdminHealthCheck".into();
        check.name = "Internal administrator user".into();
        check.healthy = healthy;
        checks.push(check);
    }

    #[test]
    fn somebody_must_be_able_to_log_in() {
        const WARNED: &[(Severity, &str)] = &[(Severity::Warning, "internal-administrator")];
        let rows: &[Spoil] = &[
            ("golden", |_| {}, Ready, &[]),
            ("one is enough", |g| administrators(g).internal = 1, Ready, &[]),
            ("none", |g| administrators(g).internal = 0, Warning, WARNED),
            (
                "switched off",
                |g| {
                    *administrators(g) =
                        Administrators { external: vec!["CROWD".into()], ..Administrators::default() }
                },
                Warning,
                WARNED,
            ),
            (
                "the product sees one in a group inside a group",
                |g| {
                    administrators(g).internal = 0;
                    health(g, true);
                },
                Ready,
                &[(Severity::Notice, "internal-administrator")],
            ),
            ("the product says no", |g| health(g, false), Warning, WARNED),
            (
                "one node says no",
                |g| {
                    health(g, true);
                    health(g, false);
                },
                Warning,
                WARNED,
            ),
            (
                "the product alone says yes",
                |g| {
                    database(g).records.administrators = unread();
                    health(g, true);
                },
                Ready,
                &[],
            ),
            (
                "the product alone says no",
                |g| {
                    g.facts.switch_off(Source::Database);
                    health(g, false);
                },
                Warning,
                WARNED,
            ),
            ("unread", |g| database(g).records.administrators = unread(), Unknown, &[]),
            (
                "both unread",
                |g| {
                    database(g).records.administrators = unread();
                    application(g).health = unread();
                },
                Unknown,
                &[],
            ),
            ("no application", |g| g.facts.switch_off(Source::Application), Ready, &[]),
            ("off", |g| g.facts.switch_off(Source::Database), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }

    #[test]
    fn who_is_locked_out_by_what_is_said() {
        let mut golden = crate::golden::golden();
        administrators(&mut golden).internal = 0;
        administrators(&mut golden).external = vec!["CONNECTOR".into(), "CROWD".into()];
        let text = look(&CHECK, &golden).text();
        assert!(text.contains("while CONNECTOR or CROWD is down"), "{text}");
        administrators(&mut golden).internal = Records::MOST + 1;
        assert!(look(&CHECK, &golden).reason.contains("more than 1000 administrators"));
        database(&mut golden).engine = Engine::Oracle;
        database(&mut golden).records.administrators = unread();
        assert!(look(&CHECK, &golden).reason.contains("must be more than 0"));
    }
}
