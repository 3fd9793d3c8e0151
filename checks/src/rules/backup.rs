//! What the checks on backups of every kind have in common: is there one, is it new, whole, large enough, elsewhere?

use jiff::SignedDuration;

use super::units::{bytes, minute, percent_of};
use super::wording::{counted, excerpt};
use crate::facts::{
    Backup, BackupKind, BackupSet, Contents, DirectorySize, Disk, Field, Integrity, Missing, Place, Role,
    Source,
};
use crate::model::{Case, Finding, Severity, Undecided};

/// A backup may be dated this far in the future before its age is doubted.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_hours(1);

/// Fewer earlier backups than this are no history to compare with.
const HISTORY: usize = 3;

/// Earlier backups that are compared with.
const MOST_HISTORY: usize = 10;

/// What was seen of the backups of a kind.
pub(super) struct Looked<'a> {
    /// The backup that would be restored: the newest one that can be relied upon, as far as that is known.
    pub(super) chosen: Option<&'a Backup>,
    /// What was looked at, in one line.
    pub(super) evidence: String,
    pub(super) found: Vec<Finding>,
    pub(super) missing: Vec<Missing>,
}

impl<'a> Looked<'a> {
    /// What the chosen backup holds, when it was read to its end.
    pub(super) fn contents(&self) -> Option<&'a Contents> {
        whole(self.chosen?)
    }
}

/// Judges presence, age, wholeness and size beside earlier ones: what is the same for every kind.
pub(super) fn look<'a>(case: &Case<'a>, kind: BackupKind) -> Result<Looked<'a>, Undecided> {
    let backups = match case.facts.backups() {
        // Whoever set nothing up is told how to.
        Err(Missing::Off { .. }) => return Err(not_configured(kind).into()),
        backups => backups?,
    };
    let set = backups.set(kind).ok_or_else(|| not_configured(kind))?;
    let backups = set.backups.read(Source::Backups, &format!("the list of {} backups", kind.id()))?;
    let usable = |backup: &&Backup| !backup.being_written && !is_of_the_future(case, backup);
    let complete: Vec<&Backup> = backups.iter().filter(usable).collect();
    let mut looked = Looked { chosen: None, evidence: String::new(), found: Vec::new(), missing: Vec::new() };
    looked.found.extend(backups.iter().find(|backup| is_of_the_future(case, backup)).map(of_the_future));
    let Some(newest) = complete.first() else {
        looked.found.push(none(set, backups));
        looked.evidence = format!("no complete backup in {}", set.places.join(", "));
        return Ok(looked);
    };
    let reliable = complete.iter().find(|backup| whole(backup).is_some()).copied();
    let chosen = match &newest.integrity {
        Field::Read(Integrity::Whole(_)) => newest,
        Field::Read(Integrity::Damaged(why)) => {
            looked.found.push(damaged(case, newest, why, reliable));
            reliable.unwrap_or(newest)
        }
        Field::Unread(why) => match reliable {
            // An older one is known to be good: that is what there is to rely upon.
            Some(older) if age_of(case, older) <= limit(max_age_days(case, kind)) => {
                looked.found.push(not_verified(newest, why, older));
                older
            }
            Some(_) | None => {
                looked.missing.push(Missing::Unread {
                    of: Source::Backups,
                    what: format!("whether {} is whole", newest.path),
                    why: why.clone(),
                });
                newest
            }
        },
    };
    looked.found.extend(too_old(case, kind, set, chosen));
    looked.found.extend(shrunk(case, &complete, chosen));
    looked.found.extend(empty(chosen));
    looked.evidence = evidence(chosen);
    looked.chosen = Some(chosen);
    Ok(looked)
}

fn not_configured(kind: BackupKind) -> Missing {
    let name = kind.id();
    Missing::NotConfigured {
        of: Source::Backups,
        what: format!("where the backups of the {} are", subject(kind)),
        how: format!(
            "name the places in the agent's configuration, [instance.backups.{name}] places = [\"/backup/{name}-*\"], \
             or have the backup job write a marker file and name that"
        ),
    }
}

/// What a backup of this kind is of, in a person's words.
pub(super) fn subject(kind: BackupKind) -> &'static str {
    match kind {
        BackupKind::Home => "home directory",
        BackupKind::Database => "database",
        BackupKind::Installation => "installation directory",
    }
}

fn whole(backup: &Backup) -> Option<&Contents> {
    match &backup.integrity {
        Field::Read(Integrity::Whole(contents)) => Some(contents),
        Field::Read(Integrity::Damaged(_)) | Field::Unread(_) => None,
    }
}

fn is_of_the_future(case: &Case<'_>, backup: &Backup) -> bool {
    age_of(case, backup) < -CLOCK_TOLERANCE
}

fn age_of(case: &Case<'_>, backup: &Backup) -> SignedDuration {
    case.now.duration_since(backup.finished_at)
}

fn limit(days: u32) -> SignedDuration {
    SignedDuration::from_hours(i64::from(days) * 24)
}

fn warn_age_days(case: &Case<'_>, kind: BackupKind) -> u32 {
    match kind {
        BackupKind::Home | BackupKind::Database => case.policy.backup_warn_age_days,
        BackupKind::Installation => case.policy.backup_installation_warn_age_days,
    }
}

fn max_age_days(case: &Case<'_>, kind: BackupKind) -> u32 {
    match kind {
        BackupKind::Home | BackupKind::Database => case.policy.backup_max_age_days,
        BackupKind::Installation => case.policy.backup_installation_max_age_days,
    }
}

fn evidence(backup: &Backup) -> String {
    let seen = format!(
        "{} ({}, {}), finished {}",
        backup.path,
        backup.form,
        bytes(backup.bytes),
        minute(backup.finished_at)
    );
    match whole(backup) {
        Some(contents) if contents.entries > 0 => {
            let noun = if is_dump(backup) { "table" } else { "file" };
            let held = counted(contents.entries, noun);
            format!("{seen}, was read to its end: {held}, {} unpacked", bytes(contents.unpacked_bytes))
        }
        Some(contents) => match &contents.written_by {
            Some(by) => format!("{seen}, is whole by the word of {}", excerpt(by)),
            None => format!("{seen}, was read to its end"),
        },
        None => seen,
    }
}

pub(super) fn is_dump(backup: &Backup) -> bool {
    ["postgresql", "mysql", "mariadb"].iter().any(|engine| backup.form.starts_with(engine))
}

fn none(set: &BackupSet, backups: &[Backup]) -> Finding {
    let places = set.places.join(", ");
    let (summary, observed) = match backups.iter().find(|backup| backup.being_written) {
        Some(first) => (
            format!("The only backup of the {} is not finished yet", subject(set.kind)),
            format!("{} is still being written", first.path),
        ),
        None => (
            format!("There is no backup of the {}", subject(set.kind)),
            format!("none that could be restored from in {places}"),
        ),
    };
    Finding {
        severity: Severity::Blocker,
        subject: "missing".to_owned(),
        summary,
        observed,
        required: "a finished backup".to_owned(),
        remedy: format!(
            "Make a backup of the {subject} and put it where the agent looks: {places}. If backups are kept \
             elsewhere, correct [instance.backups.{kind}] places in the agent's configuration.",
            subject = subject(set.kind),
            kind = set.kind.id()
        ),
    }
}

fn of_the_future(backup: &Backup) -> Finding {
    Finding {
        severity: Severity::Warning,
        subject: "future".to_owned(),
        summary: "A backup is dated in the future, so nobody can tell how old it is".to_owned(),
        observed: format!("{} is dated {}", backup.path, minute(backup.finished_at)),
        required: "a time of last change that has passed".to_owned(),
        remedy: "Compare the clocks of this host and of the one that writes the backups (`timedatectl`), then make \
                 a new backup. This one is not counted."
            .to_owned(),
    }
}

fn damaged(case: &Case<'_>, newest: &Backup, why: &str, reliable: Option<&Backup>) -> Finding {
    let (severity, then) = match reliable {
        Some(older) => (
            Severity::Warning,
            format!(
                "The one before it, {}, could be read to its end: keep it until a good one is there.",
                older.path
            ),
        ),
        None => (
            Severity::Blocker,
            "No other backup that was read is whole: do not begin the upgrade without one.".to_owned(),
        ),
    };
    let product = case.facts.product;
    Finding {
        severity,
        subject: "damaged".to_owned(),
        summary: format!("The newest backup is damaged: {product} could not be restored from it"),
        observed: format!("{}: {}", newest.path, excerpt(why)),
        required: "a backup that can be read to its end".to_owned(),
        remedy: format!(
            "Read the log of the backup job: a full disk and a job that was killed are the usual causes. Make a new \
             backup, and see that it can be read ({}). {then}",
            how_to_test(newest)
        ),
    }
}

/// The command that reads such a backup to its end.
fn how_to_test(backup: &Backup) -> String {
    let path = &backup.path;
    // Of `tar.gz` the packing is tested: its checksum is of all that is in it.
    match backup.form.rsplit('.').next().unwrap_or_default() {
        "zip" => format!("`unzip -tq '{path}'`"),
        "tar" => format!("`tar -tf '{path}' > /dev/null`"),
        "postgresql-custom" => format!("`pg_restore -f /dev/null '{path}'`"),
        "gz" => format!("`gzip -t '{path}'`"),
        "zst" => format!("`zstd -t '{path}'`"),
        "bz2" => format!("`bzip2 -t '{path}'`"),
        "xz" => format!("`xz -t '{path}'`"),
        _ => "by restoring it elsewhere".to_owned(),
    }
}

fn not_verified(newest: &Backup, why: &str, older: &Backup) -> Finding {
    Finding {
        severity: Severity::Warning,
        subject: "not-verified".to_owned(),
        summary: "The newest backup could not be verified; an older one was relied upon".to_owned(),
        observed: format!("{}: {}", newest.path, excerpt(why)),
        required: "a newest backup that is known to be whole".to_owned(),
        remedy: format!(
            "{} was read to its end and is what the other findings speak of. See that the newest one can be read \
             too ({}), or have the backup job write a marker file that says it was verified.",
            older.path,
            how_to_test(newest)
        ),
    }
}

fn too_old(case: &Case<'_>, kind: BackupKind, set: &BackupSet, chosen: &Backup) -> Option<Finding> {
    let age = age_of(case, chosen);
    let (warn, most) = (warn_age_days(case, kind), max_age_days(case, kind));
    let (severity, days) = if age > limit(most) {
        (Severity::Blocker, most)
    } else if age > limit(warn) {
        (Severity::Warning, warn)
    } else {
        return None;
    };
    // A copy keeps the times of what it copies: when it was made last does not show in it.
    let is_copy = chosen.form == "directory";
    let copy = if is_copy {
        " If the directory is copied regularly and only nothing in it has changed, let the job write a marker file at \
         its end and name that as the place (`agent explain backup-home` shows one)."
    } else {
        ""
    };
    Some(Finding {
        severity,
        subject: "age".to_owned(),
        summary: format!("The newest good backup of the {} is old", subject(kind)),
        observed: if is_copy {
            format!("the newest change in {} is of {}", chosen.path, minute(chosen.finished_at))
        } else {
            format!("{} was finished {}", chosen.path, minute(chosen.finished_at))
        },
        required: format!("one that is at most {} old", counted(days.into(), "day")),
        remedy: format!(
            "Look why the backup job did not write to {} since then, and make a new backup.{copy}",
            set.places.join(", ")
        ),
    })
}

/// Compares with the middle one of those before it: a single large or small one does not count.
fn shrunk(case: &Case<'_>, complete: &[&Backup], chosen: &Backup) -> Option<Finding> {
    let percent = case.policy.backup_min_percent_of_usual;
    let older = complete.iter().filter(|backup| {
        backup.finished_at < chosen.finished_at && backup.form == chosen.form && backup.bytes > 0
    });
    let mut sizes: Vec<u64> = older.take(MOST_HISTORY).map(|backup| backup.bytes).collect();
    if sizes.len() < HISTORY {
        return None;
    }
    sizes.sort_unstable();
    let usual = *sizes.get(sizes.len() / 2)?;
    (chosen.bytes < percent_of(usual, percent)).then(|| Finding {
        severity: Severity::Warning,
        subject: "shrunk".to_owned(),
        summary: "The newest good backup is much smaller than those before it".to_owned(),
        observed: format!("{}, where {} is usual", bytes(chosen.bytes), bytes(usual)),
        required: format!("at least {percent} % of the usual size"),
        remedy: format!(
            "Find out what is no longer in {}: a directory that was left out, a disk that was not mounted, tables \
             that were emptied. If it was made smaller on purpose, waive this.",
            chosen.path
        ),
    })
}

fn empty(chosen: &Backup) -> Option<Finding> {
    let contents = whole(chosen)?;
    // A marker tells no entries.
    let nothing = contents.entries == 0 && contents.unpacked_bytes == 0 && chosen.form != "marker";
    (nothing && contents.written_by.is_none()).then(|| Finding {
        severity: Severity::Blocker,
        subject: "empty".to_owned(),
        summary: "The backup has nothing in it".to_owned(),
        observed: format!("{} ({}) can be read and holds nothing", chosen.path, chosen.form),
        required: "a backup with the data in it".to_owned(),
        remedy: "Look what the backup job was told to back up, and make a new backup.".to_owned(),
    })
}

/// Judges what a backup of a directory should hold, and whether it lies beside what it protects.
pub(super) fn look_at_directory(
    case: &Case<'_>,
    looked: &mut Looked<'_>,
    kind: BackupKind,
    role: Role,
    leave_out: &[Role],
) {
    let disk = match case.facts.disk() {
        Ok(disk) => disk,
        Err(missing) => return looked.missing.push(missing),
    };
    let Some(place) = disk.place(role) else {
        return looked.missing.push(Missing::Unread {
            of: Source::Disk,
            what: format!("the {}", role.name()),
            why: "it is not among the directories that were looked at".to_owned(),
        });
    };
    match place.mount_point.read(Source::Disk, &format!("the file system of {}", place.path)) {
        Ok(mount_point) => same_disk(looked, kind, &place.path, mount_point),
        Err(missing) => looked.missing.push(missing),
    }
    if case.policy.backup_min_percent_of_directory > 0 {
        match expected(disk, place, leave_out) {
            Ok(expected) => {
                let percent = case.policy.backup_min_percent_of_directory;
                let of = format!("{} holds {}", place.path, bytes(expected));
                looked.found.extend(incomplete(
                    looked,
                    expected,
                    percent,
                    &of,
                    "backup_min_percent_of_directory",
                ));
            }
            Err(missing) => looked.missing.push(missing),
        }
    }
}

/// The bytes a backup of a place should hold: without what is rebuilt anyway, where that lies in it.
fn expected(disk: &Disk, place: &Place, leave_out: &[Role]) -> Result<u64, Missing> {
    let size = |place: &Place| -> Result<DirectorySize, Missing> {
        place.size.read(Source::Disk, &format!("the size of {}", place.path)).copied()
    };
    let mut expected = size(place)?.bytes;
    for role in leave_out {
        let Some(part) = disk.place(*role) else { continue };
        // The size of a place does not reach into other file systems.
        let inside = is_below(&part.path, &place.path) && part.mount_point == place.mount_point;
        if inside {
            expected = expected.saturating_sub(size(part)?.bytes);
        }
    }
    Ok(expected)
}

pub(super) fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
}

/// A finding when the chosen backup, as far as it was read, holds too little.
pub(super) fn incomplete(
    looked: &Looked<'_>,
    expected: u64,
    percent: u8,
    of: &str,
    setting: &str,
) -> Option<Finding> {
    let backup = looked.chosen?;
    let contents = looked.contents()?;
    // A marker tells no sizes of what is inside; nothing at all is a finding of its own.
    if contents.unpacked_bytes == 0 || contents.unpacked_bytes >= percent_of(expected, percent) {
        return None;
    }
    Some(Finding {
        severity: Severity::Warning,
        subject: "incomplete".to_owned(),
        summary: "The backup holds much less than what it is of".to_owned(),
        observed: format!("{} unpacked; {of}", bytes(contents.unpacked_bytes)),
        required: format!("at least {percent} % of it"),
        remedy: format!(
            "Compare what is in {} with what should be: directories that were left out, a job that backs up \
             something else. When what is left out is meant to be, set {setting} in [instance.policy], 0 to not \
             compare.",
            backup.path
        ),
    })
}

fn same_disk(looked: &mut Looked<'_>, kind: BackupKind, path: &str, mount_point: &str) {
    let Some(Field::Read(backup)) = looked.chosen.map(|backup| &backup.mount_point) else { return };
    if backup == mount_point {
        looked.found.push(Finding {
            severity: Severity::Warning,
            subject: "same-disk".to_owned(),
            summary: format!("The backup lies on the same file system as the {} it is of", subject(kind)),
            observed: format!("both the backups and {path} are on {mount_point}"),
            required: "a backup on another disk, or a copy elsewhere".to_owned(),
            remedy: "Copy the backup to another disk or host before the upgrade: when this one fails or fills up, \
                     both are gone. If it is copied elsewhere already, waive this, or let the job that copies it \
                     write a marker file and name that in the configuration."
                .to_owned(),
        });
    }
}
