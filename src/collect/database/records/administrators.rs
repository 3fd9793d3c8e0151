//! Who administers the site, counted by where they come from.
//!
//! Groups inside groups are not followed: the product's own directories do not nest them unless somebody asks for it.

use upgrade_readiness_checks::facts::Administrators;

use super::super::failure::one_line;
use super::super::gap::Gap;
use super::asker::Asker;
use super::{DirectoryTables, UserTable};

/// Kinds of directories that are listed; there are fewer than ten.
const MOST_KINDS: usize = 50;

/// Counts the directories and the administrators of the product's own.
pub(super) async fn read_administrators(
    asker: &mut Asker<'_>,
    wanted: &DirectoryTables,
    user_keys: &UserTable,
) -> Result<Administrators, Gap> {
    let directories = asker.known_table(wanted.directories.0).await?;
    let kind = asker.text(directories.column(wanted.directories.1)?);
    let switched_on = asker.is_on(directories.column("active")?);
    let sql = format!(
        "SELECT upper({kind}), {} FROM {} WHERE {switched_on} GROUP BY upper({kind}) LIMIT {MOST_KINDS}",
        asker.text("count(*)"),
        directories.place
    );
    let mut facts = Administrators::default();
    for row in asker.ask(sql).await? {
        let mut values = row.into_iter();
        let kind = one_line(&values.next().flatten().unwrap_or_default());
        let count = values.next().flatten().and_then(|text| text.parse().ok()).unwrap_or_default();
        if kind == wanted.internal {
            facts.internal_directories = count;
        } else {
            facts.external.push(kind);
        }
    }
    facts.external.sort();
    facts.internal = count_internal(asker, wanted, user_keys).await?;
    Ok(facts)
}

async fn count_internal(
    asker: &mut Asker<'_>,
    wanted: &DirectoryTables,
    user_keys: &UserTable,
) -> Result<u64, Gap> {
    let directories = asker.known_table(wanted.directories.0).await?;
    let users = asker.known_table(wanted.users.0).await?;
    let groups = asker.known_table(wanted.groups.0).await?;
    let memberships = asker.known_table(wanted.memberships.0).await?;
    let permissions = asker.known_table(wanted.permissions.table).await?;
    let keys = asker.known_table(user_keys.table).await?;

    let kind = asker.text(&format!("d.{}", directories.column(wanted.directories.1)?));
    let user_id = format!("u.{}", users.column("id")?);
    let internal_user = format!(
        "{users} AS u JOIN {directories} AS d ON d.{directory_id} = u.{of_directory}",
        users = users.place,
        directories = directories.place,
        directory_id = directories.column("id")?,
        of_directory = users.column("directory_id")?,
    );
    let is_internal = format!(
        "upper({kind}) = '{}' AND {} AND {}",
        wanted.internal,
        asker.is_on(&format!("d.{}", directories.column("active")?)),
        asker.is_on(&format!("u.{}", users.column("active")?)),
    );
    let list: Vec<String> =
        wanted.permissions.administers.iter().map(|permission| format!("'{permission}'")).collect();
    let administers = format!(
        "p.{} IS NULL AND p.{} IN ({})",
        permissions.column(wanted.permissions.space)?,
        permissions.column(wanted.permissions.permission)?,
        list.join(", ")
    );
    let permission_place = &permissions.place;
    let group_name = asker.exact(&format!("lower(g.{})", groups.column(wanted.groups.1)?));
    let granted_group = asker.exact(&format!("lower(p.{})", permissions.column(wanted.permissions.group)?));
    let by_group = format!(
        "SELECT {user_id} AS id FROM {internal_user} \
           JOIN {memberships} AS m ON m.{member} = {user_id} \
           JOIN {groups} AS g ON g.{group_id} = m.{group} \
          WHERE {is_internal} AND ({group_name} = '{all_mighty}' \
             OR {group_name} IN (SELECT {granted_group} FROM {permission_place} AS p WHERE {administers}))",
        memberships = memberships.place,
        member = memberships.column(wanted.memberships.2)?,
        group = memberships.column(wanted.memberships.1)?,
        groups = groups.place,
        group_id = groups.column("id")?,
        all_mighty = wanted.administrators,
    );
    let lower_name = asker.exact(&format!("u.{}", users.column(wanted.users.1)?));
    let key_name = asker.exact(&format!("k.{}", keys.column(user_keys.lower_name)?));
    let key = asker.exact(&format!("k.{}", keys.column(user_keys.key)?));
    let granted_user = asker.exact(&format!("p.{}", permissions.column(wanted.permissions.user)?));
    let by_name = format!(
        "SELECT {user_id} FROM {internal_user} \
          WHERE {is_internal} AND {lower_name} IN ( \
                SELECT {key_name} FROM {keys} AS k JOIN {permission_place} AS p ON {granted_user} = {key} \
                 WHERE {administers})",
        keys = keys.place,
    );
    asker.count(&format!("{by_group} UNION {by_name}")).await
}
