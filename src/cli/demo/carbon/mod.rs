//! An example Carbon server with the next release prepared beside it, and something to find in many places.

mod database;
mod fake;
mod homes;
mod jars;
mod release;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::json;

use anyhow::Context;

use super::files::{hours_ago, keep, pack, write};
use super::{Example, Stage};
use homes::Homes;

/// The version the example runs.
const VERSION: &str = "4.4.6";

/// The version that is prepared beside it.
const NEW_VERSION: &str = "4.4.7";

/// Dumps of so many nights are kept.
const NIGHTS: i64 = 5;

/// Lays the example out.
pub(super) async fn set_up(stage: &Stage<'_>) -> anyhow::Result<Example> {
    let dump = match stage.postgres {
        None => None,
        Some(postgres) => {
            database::fill(postgres).await?;
            postgres.dump(database::PRODUCTION)
        }
    };
    let homes = homes::lay_out(stage)?;
    back_up(stage, &homes, dump.as_deref())?;
    Ok(Example {
        what: format!("WSO2 Carbon {VERSION}, with {NEW_VERSION} prepared beside it,"),
        agent_toml: render_agent_toml(stage, &homes, dump.is_some())?,
        router: fake::router(),
        database: database::PRODUCTION,
        front: ("console", "/carbon/admin/login.jsp"),
        explained: "staging-isolation",
        mending: format!(
            "To see a blocker go: sed -i 's/-Dsetup//' {}",
            homes.prepared.join("bin/wso2server.sh").display()
        ),
    })
}

/// Nightly dumps, an old copy of the home, and the proof that an older dump was restored weeks ago.
fn back_up(stage: &Stage<'_>, homes: &Homes, dump: Option<&[u8]>) -> anyhow::Result<()> {
    let place = stage.dir.join("backup");
    write(&place.join(".keep"), "")?;
    for night in 0..NIGHTS {
        if let Some(dump) = dump {
            keep(&place.join(format!("carbon-{night}.dump")), dump, hours_ago(stage.now, 5 + night * 24))?;
        }
    }
    let packed = pack(&homes.running, "wso2carbon").context("packing the example's home")?;
    keep(&place.join("carbon-home.tar.gz"), &packed, hours_ago(stage.now, 40 * 24))?;
    let restored = hours_ago(stage.now, 50 * 24);
    let proof = json!({
        "dump": place.join("carbon-50.dump"), "dump_finished_at": hours_ago(restored, 5), "restored_at": restored,
        "took": "PT12M", "server": "restore.example.com:5432", "by": "quarterly restore exercise", "defects": [],
        "tables": 40, "rows": [{ "table": "um_user", "restored": 11, "production": 11 }],
    });
    write(&place.join("restore-proof.json"), &proof.to_string())
}

/// The configuration of an agent that watches the example.
fn render_agent_toml(stage: &Stage<'_>, homes: &Homes, has_dump: bool) -> anyhow::Result<String> {
    let Stage { dir, listen, url, .. } = stage;
    let upgrade_on = upgrade_day(stage.now)?;
    let backups = dir.join("backup");
    let backups = backups.display();
    let dumps = if has_dump {
        format!("\n[instance.backups.database]\nplaces = [\"{backups}/carbon-*.dump\"]\n")
    } else {
        String::new()
    };
    Ok(format!(
        r#"# Written by `agent demo`: an example instance with something to find in many places.
state_dir = "{state}"

[http]
listen = "{listen}"

# A demo asks nobody on the internet.
[catalog]
refresh = false

[schedule]
host = "15s"
disk = "30s"
java = "30s"
installation = "15s"
database = "15s"
application = "15s"
plugins = "15s"
files = "30s"
backups = "30s"
traffic = "30s"
rehearsal = "15s"
custom = "30s"

# What somebody would have looked up in the vendor's documentation; these numbers are invented.
[requirements."4.4"]
cpus = 1
memory-mib = 1024
operating-system = ["linux"]
database-engine = ["postgresql", "mysql"]
postgresql = [">=9"]

[[instance]]
name = "carbon"
product = "wso2-carbon"
installation_dir = "{running}"
targets = ["{NEW_VERSION}"]
upgrade_on = "{upgrade_on}"
upgrade_at = "10:00"
downtime = "2h"

[instance.http]
base_url = "{url}"

# The release that runs as it was downloaded, and the new one below: with both, configurations are compared.
[instance.files]
pristine = "{untouched}"

[instance.prepared]
home = "{prepared}"
pristine = "{untouched_new}"

[instance.backups.installation]
places = ["{backups}/carbon-home*.tar.gz"]
{dumps}
[instance.backups.restore_test]
enabled = false
proof = "{backups}/restore-proof.json"

[[instance.custom]]
name = "version-service"
url = "{url}/services/Version/getVersion"
contains = "Carbon"
"#,
        state = dir.join("state").display(),
        running = homes.running.display(),
        untouched = homes.untouched.display(),
        prepared = homes.prepared.display(),
        untouched_new = homes.untouched_new.display(),
    ))
}

/// A working day, two months from now.
fn upgrade_day(now: Timestamp) -> anyhow::Result<Date> {
    let after = |day: Date, days: i32| day.checked_add(days.days()).context("the days of the example");
    let mut day = after(TimeZone::UTC.to_datetime(now).date(), 60)?;
    while matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
        day = after(day, 1)?;
    }
    Ok(day)
}
